//! Several clients at once.

use crate::site::Site;

#[test]
fn two_sessions_move_files_at_the_same_time() {
    let Some(site) = Site::start() else { return };
    let up = site.write("up", 1, 2 << 20);
    let down = site.write("down", 2, 2 << 20);
    site.run(&["upload", "down"]).succeeded();
    // Both have begun before either ends.
    let mut other = site.session();
    other.send("download down\n");
    assert!(other.line().starts_with("ok "));
    site.run(&["--one-connection", "upload", "up"]).succeeded();
    assert!(other.file().unwrap() == down);
    assert!(site.fetch("up") == up);
}

#[test]
fn eight_clients_share_the_slots() {
    let Some(site) = Site::start() else { return };
    let files: Vec<_> = (0..8)
        .map(|number| {
            let name = format!("file{number}");
            let bytes = site.write(&name, number, 200_000);
            (name, bytes)
        })
        .collect();
    let options = ["--retries", "50", "upload"];
    let clients: Vec<_> =
        files.iter().map(|(name, _)| site.begin(&[&options[..], &[name]].concat())).collect();
    for client in clients {
        client.finish().succeeded();
    }
    let back = |name: &str| format!("{name}.back");
    let options = ["--retries", "50", "download"];
    let clients: Vec<_> = files
        .iter()
        .map(|(name, _)| site.begin(&[&options[..], &[name, &back(name)]].concat()))
        .collect();
    for (client, (name, bytes)) in clients.into_iter().zip(&files) {
        client.finish().succeeded();
        assert!(std::fs::read(site.here(back(name))).unwrap() == *bytes, "{name}");
    }
}

#[test]
fn who_finds_no_slot_is_told() {
    let Some(site) = Site::start() else { return };
    let _sessions = [site.session(), site.session(), site.session()];
    let mut raw = crate::support::raw::Raw::connect(site.control());
    assert!(raw.line().starts_with("err limit "));
}
