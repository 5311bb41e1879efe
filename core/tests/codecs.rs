//! Codecs: parse of emit is identity, parse never panics.

use coracle::{
    Command, End, Entry, Frame, Greeting, Kind, Metadata, Path, Receipt, Reply, Resume, fields,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Bytes of a path that keeps the rules: one component, so that shrinking stays readable, or
/// several.
fn path_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = (0x20u8..=0xff).prop_filter("path rules", |b| !matches!(b, b'\\' | b'/' | 0x7f));
    let component = vec(byte, 1..40).prop_filter("dots", |c| c != b"." && c != b"..");
    vec(component, 0..4).prop_map(|parts| [b"/".as_slice(), &parts.join(&b'/')].concat())
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..3u64, any::<u64>().prop_map(|n| n >> 1), Just(i64::MAX as u64)]
}

fn assert_round_trip(command: Command<Path<'_>>) {
    let mut line = [0; 2048];
    let len = command.emit(&mut line).unwrap();
    assert_eq!(line[len - 1], b'\n');
    assert!(line[..len - 1].iter().all(|&byte| byte >= 0x20 && byte != 0x7f), "one line");
    assert_eq!(Command::parse(&mut line[..len - 1]), Ok(command));
}

proptest! {
    #[test]
    fn commands_with_one_path(bytes in path_bytes()) {
        let path = Path::new(&bytes).unwrap();
        for command in [
            Command::List { path },
            Command::Stat { path },
            Command::Partial { path },
            Command::Forget { path },
            Command::Remove { path },
            Command::MakeFolder { path },
        ] {
            assert_round_trip(command);
        }
    }

    #[test]
    fn commands_with_two_paths(from in path_bytes(), to in path_bytes()) {
        assert_round_trip(Command::Rename {
            from: Path::new(&from).unwrap(),
            to: Path::new(&to).unwrap(),
        });
    }

    #[test]
    fn ranges(
        bytes in path_bytes(),
        offset in number(),
        length in option::of(number()),
        prefix in option::of(any::<u32>()),
    ) {
        let path = Path::new(&bytes).unwrap();
        assert_round_trip(Command::Sum { path, offset, length });
        assert_round_trip(Command::Download { path, offset, length, prefix });
    }

    #[test]
    fn uploads(
        bytes in path_bytes(),
        size in option::of(number()),
        resume in option::of((number(), any::<u32>())),
        modified in option::of(number()),
    ) {
        let path = Path::new(&bytes).unwrap();
        let resume = resume.map(|(offset, crc)| Resume { offset, crc });
        assert_round_trip(Command::Upload { path, size, resume, modified });
    }

    #[test]
    fn entries(
        name in vec(any::<u8>(), 1..256),
        file in any::<bool>(),
        size in number(),
        modified in option::of(number()),
    ) {
        let (kind, size) = if file { (Kind::File, size) } else { (Kind::Folder, 0) };
        let metadata = Metadata { kind, size, modified, stamp: 0 };
        let entry = Entry { metadata, name: &name };
        let mut line = [0; 1024];
        let len = entry.emit(&mut line).unwrap();
        prop_assert_eq!(Reply::parse(&mut line[..len - 1]), Some(Reply::Entry(entry)));
    }

    #[test]
    fn frames(header in any::<[u8; 4]>()) {
        if let Ok(frame) = Frame::parse(header) {
            prop_assert_eq!(frame.emit(), header);
        }
    }

    #[test]
    fn ends(length in any::<u64>(), crc in any::<u32>()) {
        let end = Receipt { length, crc };
        let frame = end.emit_frame();
        prop_assert_eq!(End::parse_payload(*frame.last_chunk().unwrap()), end);
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in vec(any::<u8>(), 0..1500)) {
        let _ = Path::new(&bytes);
        let _ = Command::parse(&mut bytes.clone());
        let _ = Reply::parse(&mut bytes.clone());
        parse_fields(&bytes);
    }

    #[test]
    fn no_nearly_right_line_makes_a_parser_panic(
        words in vec(
            prop_oneof![
                "hello|ls|stat|sum|download|upload|mv|ok|err|-|\\+|f|d|crc=|mtime=|line=|1|flushed",
                "[0-9a-f]{0,20}",
                "%?[0-9A-Z%]{0,3}",
                ".{0,3}",
            ],
            0..8,
        ),
    ) {
        let line = words.join(" ").into_bytes();
        let _ = Command::parse(&mut line.clone());
        let _ = Reply::parse(&mut line.clone());
        parse_fields(&line);
    }
}

fn parse_fields(bytes: &[u8]) {
    let _ = Greeting::parse(bytes);
    let _ = fields::metadata(bytes);
    let _ = fields::receipt(bytes);
    let _ = fields::stored(bytes);
    let _ = fields::download(bytes);
    let _ = fields::listed(bytes);
    let _ = fields::space(bytes);
}
