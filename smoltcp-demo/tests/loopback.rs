//! Server and client on one interface, over smoltcp's own loopback device, in memory whose size
//! is fixed beforehand: what a chip does.

mod support;

use std::cell::RefCell;

use coracle::client::{Done, FixedClient, poll};
use coracle::limits::CHUNK_BUFFER_LEN;
use coracle::{Command, Config, Medium, RamDisk, RamSession};
use coracle_smoltcp::{Door, Ended, Next, Owner, Server, Session, Settings, Slot};
use smoltcp::iface::{self, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::{Loopback, Medium as Kind};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint};
use support::host::Link;
use support::payload;
use support::session::{Script, download, list, receipt, upload};

type Disk = RamDisk<16, 512>;

/// What a firmware has: a medium for each session, and nothing else to do.
struct Firmware<'a> {
    disk: &'a RefCell<Disk>,
    ended: usize,
}

impl<'a> Owner for Firmware<'a> {
    type Chunk = [u8; CHUNK_BUFFER_LEN];
    type Host = Medium<RamSession<'a, 16, 512>>;

    fn chunk(&mut self) -> Self::Chunk {
        [0; CHUNK_BUFFER_LEN]
    }

    fn begin(&mut self, _session: &Session) -> Self::Host {
        Medium::new(RamSession::new(self.disk))
    }

    fn end(&mut self, _session: &Session, _host: Self::Host, ended: Ended) {
        assert!(ended.is_ok(), "{ended:?}");
        self.ended += 1;
    }
}

/// Bytes of each buffer of a socket.
const BUFFER: usize = 2048;

fn socket<'a>(memory: &'a mut [[u8; BUFFER]; 2]) -> tcp::Socket<'a> {
    let [receive, send] = memory;
    tcp::Socket::new(
        tcp::SocketBuffer::new(&mut receive[..]),
        tcp::SocketBuffer::new(&mut send[..]),
    )
}

/// `::1` is none of these: nobody answers when it is looked for.
const ADDRESSES: [IpAddress; 2] =
    [IpAddress::v4(127, 0, 0, 1), IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 1)];

fn interface(device: &mut Loopback) -> Interface {
    let address = EthernetAddress([2, 0, 0, 0, 0, 1]);
    let mut interface = Interface::new(iface::Config::new(address.into()), device, Instant::ZERO);
    interface.update_ip_addrs(|addresses| {
        for (address, prefix) in ADDRESSES.into_iter().zip([8, 64]) {
            addresses.push(IpCidr::new(address, prefix)).unwrap();
        }
    });
    interface
}

/// Have a client do what the script says, until both sides are through; how many sessions are
/// left.
fn run(to: IpAddress, script: &mut Script) -> usize {
    let mut device = Loopback::new(Kind::Ethernet);
    let mut interface = interface(&mut device);
    let disk = RefCell::new(Disk::new());
    let mut memory = [[[0; BUFFER]; 2]; 4];
    let mut places = [const { SocketStorage::EMPTY }; 4];
    let mut sockets = SocketSet::new(&mut places[..]);
    let [first, second, door, client] = memory.each_mut().map(|memory| sockets.add(socket(memory)));
    let mut slots = [Slot::new(first), Slot::new(second)];
    let mut doors = [Door::new(door)];
    let settings = Settings::new(Config::new());
    let owner = Firmware { disk: &disk, ended: 0 };
    let mut server: Server<'_, Firmware<'_>> = Server::new(settings, owner, &mut slots, &mut doors);

    let mut machine = FixedClient::new([0; CHUNK_BUFFER_LEN], false);
    let to = IpEndpoint::new(to, 2222);
    let socket = sockets.get_mut::<tcp::Socket<'_>>(client);
    socket.connect(interface.context(), to, 50_000).unwrap();
    let mut now = Instant::ZERO;
    let mut is_over = false;
    while server.owner().ended == 0 || !is_over {
        assert!(now < Instant::from_secs(60), "no end");
        is_over = is_over || advance(&mut machine, &mut sockets, client, script);
        // The next frame is there already, if there is one.
        now += Duration::from_micros(
            match server.poll(now, &mut interface, &mut device, &mut sockets) {
                Next::Now => 1,
                Next::At(_) | Next::Frame => 100,
            },
        );
    }
    server.sessions()
}

/// Do what the client can do now; whether its session is over.
fn advance(
    machine: &mut FixedClient,
    sockets: &mut SocketSet<'_>,
    client: SocketHandle,
    script: &mut Script,
) -> bool {
    let mut link = Link(sockets.get_mut(client));
    match poll::advance(machine, &mut link, script) {
        // `exit` is answered.
        Ok(poll::Waiting::Request) => link.0.close(),
        Ok(_) => return false,
        Err(error) => panic!("{error:?}"),
    }
    true
}

#[test]
fn a_chip_serves_itself_in_fixed_memory() {
    for address in ADDRESSES {
        let file = payload(1, 70_000);
        let mut script = Script::default();
        script.todo.extend([upload("log", &file), list("/"), download("log")]);
        script.todo.push_back(Command::Exit.into());
        assert_eq!(run(address, &mut script), 0);
        let answers = &script.answers;
        assert!(matches!(answers[0].done(), Done::Uploaded(whole, _) if whole == receipt(&file)));
        assert_eq!(answers[1].lines, ["File log"]);
        assert!(answers[2].bytes == file, "over {address}");
    }
}
