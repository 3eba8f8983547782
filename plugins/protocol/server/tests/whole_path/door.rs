//! Several graphs of one process behind one door.

use gluster_xdr::fop::{IattRsp, Proc, StatReq};
use plugin_api::{Errno, Gfid};

use crate::rig::{Brick, Session, run, until};

async fn stat(session: &Session) -> i32 {
    let request = StatReq { gfid: Gfid::ROOT, ..StatReq::default() };
    session.fop::<_, IattRsp>(Proc::Stat, &request).await.op_ret
}

#[test]
fn bricks_of_one_process_share_a_port_and_the_first_may_go_before_the_second() {
    let first = Brick::up("/door-1", &[]);
    let port = first.port().to_string();
    let second = Brick::up("/door-2", &[("transport.socket.listen-port", &port)]);
    assert_eq!(second.port(), first.port());
    run(async {
        let (of_first, of_second) = (first.client().await, second.client().await);
        assert_eq!((stat(&of_first).await, stat(&of_second).await), (0, 0));
        let gone = first.request();
        drop(first);
        until(|| !of_first.client.is_connected()).await;
        assert_eq!(stat(&of_second).await, 0, "the other serves on");
        let answer = second.connect().await.set_volume(&gone).await;
        assert_eq!(
            (answer.op_errno, answer.dict.str("ERROR")),
            (Errno::ENOENT.raw(), Some("Brick not found"))
        );
        assert_eq!(stat(&second.client().await).await, 0);
    });
}

#[test]
fn each_brick_behind_a_door_goes_by_its_own_options() {
    let open = Brick::up("/door-open", &[]);
    let port = open.port().to_string();
    let options =
        [("transport.socket.listen-port", port.as_str()), ("auth.addr./door-shut.allow", "192.0.2.1")];
    let shut = Brick::up("/door-shut", &options);
    run(async {
        let answer = shut.connect().await.set_volume(&shut.request()).await;
        assert_eq!(answer.op_errno, Errno::EACCES.raw());
        assert_eq!(stat(&open.client().await).await, 0);
    });
}
