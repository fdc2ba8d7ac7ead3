//! The program `apns_h2_peer`: the crate apns-h2 as a client to be measured. How it is called is in the crate `peer`.
//! apns-h2 began as a copy of a2, and its types have the same names, but are types of their own: so this is `a2_peer` once more.

use std::fs::File;
use std::rc::Rc;

use apns_h2::request::notification::{NotificationOptions, Priority, PushType};
use apns_h2::request::payload::PayloadLike;
use apns_h2::{Client, ClientConfig, Error};
use peer::{Failure, Load};
use serde::Serialize;

fn main() -> Result<(), Failure> {
    let load = Load::from_arguments()?;
    let key = File::open(format!("{}/key.p8", load.folder))?;
    load.run(|| {
        let client = Client::token(key, "BENCHKEY01", "BENCHTEAM1", ClientConfig::default())?;
        let client = Rc::new(client);
        Ok(move |token, json| send(Rc::clone(&client), token, json))
    })
}

async fn send(client: Rc<Client>, token: &'static str, json: &'static str) -> Result<(), String> {
    let options = NotificationOptions {
        apns_push_type: Some(PushType::Alert),
        apns_priority: Some(Priority::High),
        apns_expiration: Some(EXPIRATION),
        apns_topic: Some("im.example.chat"),
        ..NotificationOptions::default()
    };
    let push = Push {
        token,
        json,
        options,
    };
    // Whatever is not 200 is an error.
    let answer = client.send(push).await;
    answer.map(drop).map_err(|error| format!("{error:?}"))
}

/// Finished JSON, which is the cheapest that the crate can be given.
#[derive(Debug, Serialize)]
struct Push {
    #[serde(skip)]
    token: &'static str,
    json: &'static str,
    #[serde(skip)]
    options: NotificationOptions<'static>,
}

impl PayloadLike for Push {
    fn to_json_string(&self) -> Result<String, Error> {
        Ok(self.json.to_owned())
    }

    fn get_device_token(&self) -> &str {
        self.token
    }

    fn get_options(&self) -> &NotificationOptions<'_> {
        &self.options
    }
}

/// Far off, in seconds of the epoch.
const EXPIRATION: u64 = 4_000_000_000;
