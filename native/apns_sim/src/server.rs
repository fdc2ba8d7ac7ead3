//! The simulator's thread: its sockets, its runtime, and the commands of its handle.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::control::{self, Control};
use crate::provider;
use crate::start_error::StartError;
use crate::state::State;

/// What the handle orders; each is answered when it is done.
#[derive(Debug)]
pub(crate) enum Command {
    Kill(SyncSender<()>),
    Restart(SyncSender<Result<(), StartError>>),
    Shutdown(SyncSender<()>),
}

/// Bound sockets, not yet served.
pub(crate) struct Server {
    state: Arc<State>,
    provider: Bound,
    control: Option<Bound>,
}

/// A listening socket and the address it has.
struct Bound {
    address: SocketAddr,
    listener: TcpListener,
}

impl Server {
    pub(crate) fn bind(
        state: Arc<State>,
        provider: SocketAddr,
        control: Option<SocketAddr>,
    ) -> Result<Self, StartError> {
        let control = control.map(Bound::listen).transpose()?;
        Ok(Self {
            state,
            provider: Bound::listen(provider)?,
            control,
        })
    }

    pub(crate) fn provider_addr(&self) -> SocketAddr {
        self.provider.address
    }

    pub(crate) fn control_addr(&self) -> Option<SocketAddr> {
        self.control.as_ref().map(|bound| bound.address)
    }

    pub(crate) fn spawn(
        self,
        inbox: mpsc::Receiver<Command>,
    ) -> Result<JoinHandle<()>, StartError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Thread)?;
        let serve = move || runtime.block_on(self.serve(inbox));
        std::thread::Builder::new()
            .name("apns_sim".to_owned())
            .spawn(serve)
            .map_err(StartError::Thread)
    }

    async fn serve(self, mut inbox: mpsc::Receiver<Command>) {
        let Self {
            state,
            provider,
            control,
        } = self;
        let address = provider.address;
        let mut providers = JoinSet::new();
        let listen = |bound: Bound, tasks: &mut JoinSet<()>| {
            let listener = tokio::net::TcpListener::from_std(bound.listener);
            let listener = listener.map_err(|source| StartError::Listen { address, source })?;
            tasks.spawn(provider::listen(Arc::clone(&state), listener));
            Ok(())
        };
        // It was bound a moment ago; if the runtime does not take it, the first provider is refused.
        let _ = listen(provider, &mut providers);
        let mut controls = JoinSet::new();
        if let Some(bound) = control
            && let Ok(listener) = tokio::net::TcpListener::from_std(bound.listener)
        {
            let control = Control {
                state: Arc::clone(&state),
                provider: address,
                control: bound.address,
            };
            controls.spawn(control::listen(control, listener));
        }
        while let Some(command) = inbox.recv().await {
            match command {
                Command::Kill(done) => {
                    providers.shutdown().await;
                    let _ = done.send(());
                }
                Command::Restart(done) if providers.is_empty() => {
                    let _ = done.send(
                        Bound::listen(address).and_then(|bound| listen(bound, &mut providers)),
                    );
                }
                Command::Restart(done) => drop(done.send(Ok(()))),
                Command::Shutdown(done) => {
                    providers.shutdown().await;
                    let _ = done.send(());
                    return;
                }
            }
        }
    }
}

impl Bound {
    fn listen(address: SocketAddr) -> Result<Self, StartError> {
        let bound = || -> io::Result<Self> {
            // The standard library sets SO_REUSEADDR, so a port is free again at once after a kill.
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(Self {
                address: listener.local_addr()?,
                listener,
            })
        };
        bound().map_err(|source| StartError::Listen { address, source })
    }
}
