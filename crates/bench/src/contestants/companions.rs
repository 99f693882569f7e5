//! What users of the peers take where their runtime has no primitives of its own.

use std::rc::Rc;

use crate::micro::runtime::{Receiver, Reply, Semaphore, Sender};

impl<T: 'static> Sender<T> for smol::channel::Sender<T> {
    async fn send(&self, item: T) {
        let sent = smol::channel::Sender::send(self, item).await;
        assert!(sent.is_ok(), "the receiver is there");
    }
}

impl<T: 'static> Receiver<T> for smol::channel::Receiver<T> {
    async fn recv(&mut self) -> T {
        let received = smol::channel::Receiver::recv(self).await;
        received.expect("a sender is there")
    }
}

impl Semaphore for std::sync::Arc<smol::lock::Semaphore> {
    type Owned = smol::lock::SemaphoreGuardArc;

    fn acquire(&self) -> impl Future<Output = impl Sized> {
        smol::lock::Semaphore::acquire(self)
    }

    fn acquire_owned(&self) -> impl Future<Output = Self::Owned> {
        self.acquire_arc()
    }
}

impl<T: Clone + Send + 'static> Reply<T> for futures::channel::oneshot::Sender<T> {
    fn send(self, value: T) {
        let sent = futures::channel::oneshot::Sender::send(self, value);
        assert!(sent.is_ok(), "the receiver is there");
    }
}

impl<T: 'static> Sender<T> for local_sync::mpsc::bounded::Tx<T> {
    async fn send(&self, item: T) {
        let sent = local_sync::mpsc::bounded::Tx::send(self, item).await;
        assert!(sent.is_ok(), "the receiver is there");
    }
}

impl<T: 'static> Receiver<T> for local_sync::mpsc::bounded::Rx<T> {
    async fn recv(&mut self) -> T {
        let received = local_sync::mpsc::bounded::Rx::recv(self).await;
        received.expect("a sender is there")
    }
}

impl<T: Clone + Send + 'static> Reply<T> for local_sync::oneshot::Sender<T> {
    fn send(self, value: T) {
        let sent = local_sync::oneshot::Sender::send(self, value);
        assert!(sent.is_ok(), "the receiver is there");
    }
}

impl Semaphore for Rc<local_sync::semaphore::Semaphore> {
    type Owned = local_sync::semaphore::OwnedSemaphorePermit;

    async fn acquire(&self) -> impl Sized {
        local_sync::semaphore::Semaphore::acquire(self).await
    }

    async fn acquire_owned(&self) -> Self::Owned {
        let permit = self.clone().acquire_owned().await;
        permit.expect("the semaphore is open")
    }
}
