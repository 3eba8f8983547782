//! What all connections of a server share: the bricks, the settings, who is in, and who decides about that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use gluster_xdr::callback::CallbackProc;
use gluster_xdr::{Reader, Writer, Xdr, XdrError};
use plugin_api::{Handle, Identity, InitCx, InitError, log};

use crate::bricks::Brick;
use crate::events::Events;
use crate::groups::Groups;
use crate::handshake::Authenticators;
use crate::options::Settings;
use crate::session::Session;

/// The shared state of one `protocol/server`.
#[derive(Debug)]
pub(crate) struct Server {
    /// The translator's place.
    pub(crate) handle: Handle,
    /// Its children.
    pub(crate) bricks: Vec<Brick>,
    /// Names this process in the handshake.
    pub(crate) process_uuid: String,
    settings: RwLock<Arc<Settings>>,
    authenticators: RwLock<Arc<Authenticators>>,
    groups: Arc<Groups>,
    /// Who tells what clients do.
    pub(crate) events: Events,
    sessions: Mutex<Vec<Weak<Session>>>,
    closed: AtomicBool,
}

impl Server {
    /// A server with these settings; nobody is in.
    ///
    /// # Errors
    /// An authenticator that the options ask for and that cannot be loaded.
    pub(crate) fn new(cx: &InitCx<'_>, settings: Settings) -> Result<Self, InitError> {
        let authenticators = Authenticators::for_options(&settings.values)?;
        let bricks = Brick::all(&cx.handle(), settings.inode_limit);
        if bricks.is_empty() {
            return Err(InitError(format!("{} has no subvolume to serve: add `subvolumes NAME`", cx.name())));
        }
        let volume_id = cx.setting("volume-id");
        if !volume_id.is_empty() {
            bricks.iter().for_each(|brick| brick.volume_id.set(volume_id.clone()).expect("not set before"));
        }
        Ok(Self {
            handle: cx.handle(),
            bricks,
            process_uuid: uuid::Uuid::new_v4().to_string(),
            settings: RwLock::new(Arc::new(settings)),
            authenticators: RwLock::new(Arc::new(authenticators)),
            groups: Arc::default(),
            events: Events::of(cx),
            sessions: Mutex::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// The settings as they are now.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who decides about sign-ins.
    pub(crate) fn authenticators(&self) -> Arc<Authenticators> {
        self.authenticators.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Goes by new options from now on; who may not stay is disconnected.
    ///
    /// # Errors
    /// A sentence; the old options stay.
    pub(crate) fn reconfigure(&self, cx: &InitCx<'_>) -> Result<(), InitError> {
        let settings = Settings::read(cx)?;
        let authenticators = Authenticators::for_options(&settings.values)?;
        let ask_again = settings.dynamic_auth;
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        *self.authenticators.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(authenticators);
        if ask_again {
            self.reject_who_may_not_stay();
        }
        Ok(())
    }

    fn reject_who_may_not_stay(&self) {
        let (settings, authenticators) = (self.settings(), self.authenticators());
        for session in self.sessions() {
            if authenticators.verdict(&settings.values, &session.applicant).is_none() {
                log!(Info, xl: self.handle.name(), "client may not stay", client = session.client.uid());
                session.disconnect();
            }
        }
    }

    /// Who a call runs as: squashed, and with the groups that this machine knows, as the options say.
    pub(crate) async fn caller(&self, mut identity: Identity, trusted: bool) -> Identity {
        let settings = self.settings();
        if let Some(timeout) = settings.manage_groups
            && identity.pid >= 0
            && let Some(groups) = self.groups.of(identity.uid, timeout).await
        {
            identity.groups = groups.iter().copied().collect();
        }
        settings.squash(&mut identity, trusted);
        identity
    }

    /// The clients that are in.
    pub(crate) fn sessions(&self) -> Vec<Arc<Session>> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| session.strong_count() > 0);
        sessions.iter().filter_map(Weak::upgrade).collect()
    }

    /// Notes that a client is in; `false` when nobody is let in any more.
    pub(crate) fn enter(&self, session: &Arc<Session>) -> bool {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| session.strong_count() > 0);
        sessions.push(Arc::downgrade(session));
        !self.closed.load(Ordering::SeqCst)
    }

    /// Ends the connections of all clients; who is still signing in stays out.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.sessions().iter().for_each(|session| session.disconnect());
    }

    /// Notes that a client's connection is over: what it held below is given back now, its descriptors when the last
    /// of its calls has ended.
    pub(crate) fn leave(&self, session: &Arc<Session>) {
        log!(Info, xl: self.handle.name(), "client disconnected", client = session.client.uid());
        self.sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|other| !std::ptr::eq(other.as_ptr(), Arc::as_ptr(session)));
        self.handle.client_gone(&session.client);
    }

    /// A child serves: its clients are told.
    pub(crate) fn child_is_up(&self, child: usize) {
        self.tell_of(child, true, CallbackProc::ChildUp);
    }

    /// A child stopped serving: its clients are told.
    pub(crate) fn child_is_down(&self, child: usize) {
        self.tell_of(child, false, CallbackProc::ChildDown);
    }

    fn tell_of(&self, child: usize, up: bool, callback: CallbackProc) {
        let Some(brick) = self.bricks.get(child) else { return };
        if !brick.set_up(up) {
            return;
        }
        log!(Info, xl: self.handle.name(), "brick changed", brick = brick.name, is = callback.name());
        for session in self.sessions().iter().filter(|session| session.brick == child) {
            if let Err(errno) = session.call_back(callback, &Nothing) {
                log!(Debug, xl: self.handle.name(), "client not told", client = session.client.uid(), why = errno);
            }
        }
    }
}

/// The arguments of a callback that has none.
struct Nothing;

impl Xdr for Nothing {
    fn get(_: &mut Reader<'_>) -> Result<Self, XdrError> {
        Ok(Self)
    }

    fn put(&self, _: &mut Writer) {}
}
