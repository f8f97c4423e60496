//! Backends and sandboxes behind `Arc` and `Box` are backends and sandboxes.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{Backend, Capabilities, Liveness, Result, Sandbox, SandboxId, VirtualPath, delegate};

macro_rules! to_target {
    ($self:ident, $operation:ident($($argument:expr),*)) => {
        (**$self).$operation($($argument),*).await
    };
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<T: Backend + ?Sized> Backend for $pointer {
            fn capabilities(&self) -> Capabilities {
                (**self).capabilities()
            }

            fn work_dir(&self) -> VirtualPath {
                (**self).work_dir()
            }

            delegate!(reads, changes, batches by to_target);
        }

        #[async_trait]
        #[deny(clippy::missing_trait_methods)]
        impl<T: Sandbox + ?Sized> Sandbox for $pointer {
            fn id(&self) -> &SandboxId {
                (**self).id()
            }

            async fn liveness(&self) -> Liveness {
                (**self).liveness().await
            }

            delegate!(commands, processes by to_target);

            async fn stop(&self) -> Result<()> {
                (**self).stop().await
            }
        }
    )*};
}

forward!(Arc<T>, Box<T>);
