//! A server whose workspace is a container, if there is an engine.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::served::{call, connect, ended, text};
use crate::containers::{Engine, image};

#[tokio::test]
async fn a_container_is_served_and_gone_with_its_client() {
    for by_signal in [false, true] {
        let Some(engine) = Engine::find("mcp") else {
            return;
        };
        engine.place.put("a.txt", "A\n");
        let image = image();
        let args = [
            "--namespace",
            &engine.namespace,
            "--docker",
            &image,
            "--root",
            ".",
        ];
        let (client, mut child) = connect(&engine.place, &args).await;
        assert_eq!(client.list_all_tools().await.unwrap().len(), 17);
        let told = client.peer_info().unwrap();
        assert!(
            told.instructions
                .as_deref()
                .unwrap()
                .contains("relative to /workspace")
        );
        let line = json!({ "command": "cat a.txt; pwd; echo B > b.txt" });
        let result = call(&client, "execute", line).await;
        assert!(
            text(&result).starts_with("A\n/workspace\n"),
            "{}",
            text(&result)
        );
        assert_eq!(engine.place.text("b.txt"), "B\n");
        call(&client, "start_process", json!({ "command": "sleep 600" })).await;
        assert_ne!(engine.containers(), "");
        if by_signal {
            let pid = i32::try_from(child.id().unwrap()).unwrap();
            kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
        } else {
            client.cancel().await.unwrap();
        }
        assert_eq!(ended(&mut child).await, Some(0));
        assert_eq!(engine.containers(), "");
    }
}
