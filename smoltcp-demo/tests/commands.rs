//! Every command of the client, over both versions of IP.

mod support;

use coracle::client::Done;
use coracle::{Code, Command, Durability, Kind};
use support::session::{
    Answer, download, download_rest, forget, list, make_folder, partial, receipt, remove, rename,
    stat, sum, upload,
};
use support::{Setup, Version, World, payload};

fn each(test: impl Fn(World, Version)) {
    for version in [Version::V4, Version::V6] {
        test(World::serving(1, Setup::default()), version);
    }
}

fn plain(answers: &[Answer]) {
    for answer in answers {
        assert_eq!(answer.done(), Done::Plain, "{:?}", answer.task.command);
    }
}

#[test]
fn files_go_there_and_back_and_are_named_and_summed() {
    each(|mut world, version| {
        let host = world.host();
        let session = world.session(host, version);
        let file = payload(1, 100_000);
        let answers = world.does(
            session,
            [
                make_folder("logs"),
                upload("logs/boot", &file),
                upload("empty", b""),
                stat("logs/boot"),
                sum("logs/boot"),
                list("/"),
                download("logs/boot"),
                download_rest("logs/boot", &file[..60_000]),
                download("empty"),
            ],
        );
        let whole = receipt(&file);
        assert_eq!(answers[0].done(), Done::Plain);
        assert_eq!(answers[1].done(), Done::Uploaded(whole, Durability::Cached));
        assert_eq!(answers[2].done(), Done::Uploaded(receipt(b""), Durability::Cached));
        let Done::Found(found) = answers[3].done() else { panic!("{:?}", answers[3].done()) };
        assert_eq!((found.kind, found.size), (Kind::File, 100_000));
        assert_eq!(answers[4].done(), Done::Sum(whole));
        assert_eq!(answers[5].done(), Done::Listed { entries: 2, skipped: 0 });
        let mut names = answers[5].lines.clone();
        names.sort();
        assert_eq!(names, ["File empty", "Folder logs"]);
        assert!(answers[6].bytes == file);
        assert!(answers[7].bytes == file[60_000..]);
        assert_eq!(answers[8].done(), Done::Downloaded(receipt(b"")));
    });
}

#[test]
fn entries_are_moved_and_removed_and_the_rest_is_told() {
    each(|mut world, version| {
        let host = world.host();
        let session = world.session(host, version);
        let answers = world.does(
            session,
            [upload("a", b"one"), make_folder("d"), rename("a", "d/b"), remove("d/b"), remove("d")],
        );
        plain(&answers[1..]);
        let answers = world.does(
            session,
            [
                Command::Space.into(),
                Command::Stats.into(),
                Command::Noop.into(),
                Command::Help.into(),
                remove("d"),
                partial("d"),
                forget("d"),
                download("d"),
            ],
        );
        let Done::Space(space) = answers[0].done() else { panic!("{:?}", answers[0].done()) };
        assert_eq!(space.free, space.total, "everything is removed");
        assert_eq!(answers[1].done(), Done::Stats(b""));
        plain(&answers[2..4]);
        assert!(answers[3].lines.iter().any(|line| line.contains("download")));
        for answer in &answers[4..] {
            assert_eq!(answer.code(), Code::NotFound, "{:?}", answer.task.command);
        }
    });
}

#[test]
fn exit_ends_the_session_and_the_connection() {
    each(|mut world, version| {
        let host = world.host();
        let session = world.session(host, version);
        plain(&world.does(session, [Command::Noop.into(), Command::Exit.into()]));
        world.run_until(support::SECOND * 20, |world| world.sessions[session].end.is_some());
        assert_eq!(world.sessions[session].end, Some(Ok(())));
        world.run_for(support::SECOND * 20);
        assert_eq!(world.server().server.sessions(), 0);
        let ended = &world.server().server.owner().ended;
        assert!(matches!(ended[..], [(_, Ok(coracle::Outcome::Exit))]), "{ended:?}");
    });
}

#[test]
fn a_greeting_names_the_limits_of_the_server() {
    let mut setup = Setup::slots(3);
    setup.settings.config.sessions = Some(3);
    let mut world = World::serving(3, setup);
    let host = world.host();
    let session = world.session(host, Version::V4);
    world.does(session, []);
    let greeting = world.sessions[session].script.greeting.unwrap();
    assert_eq!((greeting.sessions, greeting.transfer), (Some(3), None));
    assert!(greeting.free.is_some_and(|free| free > 1_000_000));
}
