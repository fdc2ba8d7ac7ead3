//! The provider token as requests carry it.

use super::AuthorizationCoding;
use crate::http2::HeaderBlock;
use crate::http2::hpack::PreparedLiteral;
use crate::provider_token::ProviderToken;
use crate::request;

/// The field `authorization` of one provider token.
#[derive(Debug)]
pub(super) struct Bearer {
    literal: PreparedLiteral,
    /// What may be put in a server's table.
    indexed: Option<ProviderToken>,
}

impl Bearer {
    pub(super) fn new(token: &ProviderToken, coding: AuthorizationCoding) -> Self {
        Self {
            literal: PreparedLiteral::never_indexed(NAME, token.bearer().as_bytes()),
            indexed: (coding == AuthorizationCoding::Indexed).then(|| token.clone()),
        }
    }

    pub(super) const fn literal(&self) -> &PreparedLiteral {
        &self.literal
    }

    /// The value, if this connection's table is to have it.
    #[inline]
    pub(super) fn indexed_in(&self, block: &HeaderBlock<'_>) -> Option<&[u8]> {
        let value = self.indexed.as_ref()?.bearer().as_bytes();
        block.has_room_for(NAME, value).then_some(value)
    }
}

pub(super) const NAME: &[u8] = request::AUTHORIZATION.as_bytes();
