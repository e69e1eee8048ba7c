use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::page::{Page, PageRequest};

use super::{MemoryStore, MemoryTx, Session, Token};
use crate::model::{NewRefreshToken, NewSession, OpenSession, SessionView, StoredRefreshToken, TokenHash};
use crate::ports::{SessionQueries, SessionRepository};

#[async_trait]
impl SessionRepository for MemoryTx {
    async fn insert(&mut self, session: &NewSession) -> Result<(), StoreError> {
        let session = Session {
            new: session.clone(),
            last_seen_at: session.created_at,
            proved_at: session.created_at,
            expires_at: session.expires_at,
            revoked: false,
        };
        self.state.sessions.insert(session.new.id, session);
        Ok(())
    }

    async fn insert_refresh_token(&mut self, token: &NewRefreshToken) -> Result<(), StoreError> {
        let kept = self.state.tokens.insert(token.hash, Token { new: token.clone(), used_at: None });
        if kept.is_some() { Err(StoreError::corrupt("a refresh token is kept twice")) } else { Ok(()) }
    }

    async fn hold_refresh_token(&mut self, hash: TokenHash) -> Result<Option<StoredRefreshToken>, StoreError> {
        let state = &self.state;
        Ok(state.tokens.get(&hash).and_then(|token| {
            let session = state.sessions.get(&token.new.session_id)?;
            let account = state.accounts.get(&session.new.user_id)?;
            Some(StoredRefreshToken {
                session_id: session.new.id,
                user_id: session.new.user_id,
                expires_at: token.new.expires_at,
                used_at: token.used_at,
                session_revoked: session.revoked,
                user_active: account.is_active,
            })
        }))
    }

    async fn mark_used(
        &mut self,
        hash: TokenHash,
        session: SessionId,
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if let Some(token) = self.state.tokens.get_mut(&hash) {
            token.used_at = Some(at);
        }
        if let Some(session) = self.state.sessions.get_mut(&session) {
            session.last_seen_at = at;
            session.expires_at = expires_at;
        }
        Ok(())
    }

    async fn revoke(
        &mut self,
        user: UserId,
        session: SessionId,
        _reason: &'static str,
        _at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let found = self.state.sessions.get_mut(&session);
        let open = found.filter(|session| session.new.user_id == user && !session.revoked);
        Ok(open.is_some_and(|session| {
            session.revoked = true;
            true
        }))
    }

    async fn revoke_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        _reason: &'static str,
        at: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let open = self.state.sessions.values_mut().filter(|session| {
            let open = !session.revoked && session.expires_at > at;
            session.new.user_id == user && open && except.is_none_or(|except| session.new.id != except)
        });
        Ok(open.map(|session| session.revoked = true).count() as u64)
    }

    async fn mark_proved(&mut self, user: UserId, session: SessionId, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let found = self.state.sessions.get_mut(&session);
        let open = found.filter(|session| session.new.user_id == user && !session.revoked);
        Ok(open.map(|session| session.proved_at = at).is_some())
    }

    async fn mark_seen(
        &mut self,
        ids: &[SessionId],
        at: DateTime<Utc>,
        unless_since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        for id in ids {
            let found = self.state.sessions.get_mut(id);
            if let Some(session) = found.filter(|session| session.last_seen_at <= unless_since) {
                session.last_seen_at = at;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl SessionQueries for MemoryStore {
    async fn find_active(&self, id: SessionId) -> Result<Option<SessionView>, StoreError> {
        let state = self.state();
        let open = state.sessions.get(&id).filter(|session| {
            let account = state.accounts.get(&session.new.user_id);
            !session.revoked && account.is_some_and(|account| account.is_active)
        });
        Ok(open.map(|session| {
            let user_id = session.new.user_id;
            let (roles, permissions) = state.granted(user_id);
            SessionView {
                session_id: id,
                user_id,
                roles,
                permissions,
                proved_at: session.proved_at,
                expires_at: session.expires_at,
            }
        }))
    }

    async fn list_open(
        &self,
        user: UserId,
        now: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<OpenSession>, StoreError> {
        let state = self.state();
        let open = |session: &&Session| session.new.user_id == user && !session.revoked && session.expires_at > now;
        let mut all: Vec<_> = state.sessions.values().filter(open).collect();
        all.sort_by_key(|session| std::cmp::Reverse((session.last_seen_at, session.new.id)));
        let offset = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let items = all.iter().skip(offset).take(page.limit() as usize).map(|session| OpenSession {
            id: session.new.id,
            method: session.new.method,
            client: session.new.client.clone(),
            created_at: session.new.created_at,
            last_seen_at: session.last_seen_at,
            proved_at: session.proved_at,
            expires_at: session.expires_at,
        });
        Ok(Page { items: items.collect(), total: all.len() as u64, request: page })
    }

    async fn prune(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let mut state = self.state();
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let old = state.tokens.values().map(|token| &token.new).filter(|token| token.expires_at < before);
        let old: Vec<_> = old.map(|token| token.hash).take(most).collect();
        state.tokens.retain(|hash, _| !old.contains(hash));
        let ended = state.sessions.values().filter(|session| {
            let kept = state.tokens.values().any(|token| token.new.session_id == session.new.id);
            session.expires_at < before && !kept
        });
        let ended: Vec<_> = ended.map(|session| session.new.id).take(most).collect();
        state.sessions.retain(|id, _| !ended.contains(id));
        Ok((old.len() + ended.len()) as u64)
    }
}
