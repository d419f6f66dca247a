import type { ErrorCode } from '../src/lib/base/error-catalogue.js';

/** One way to come to an error, and what to do then. */
export interface Cause {
  readonly cause: string;
  readonly fix: string;
}

const because = (cause: string, fix: string): Cause => ({ cause, fix });

/** What error codes are about, in the order of docs/TROUBLESHOOTING.md. */
export const troubleAreas: readonly { readonly title: string; readonly causes: { readonly [Code in ErrorCode]?: readonly Cause[] } }[] = [
  {
    title: 'Commands and settings',
    causes: {
      MACULA_USAGE: [because('A flag or argument is misspelt, missing or of the wrong form.', 'Run the command with `--help`: every flag is there with an example.'), because('A duration has no unit.', 'Write `500ms`, `5s`, `2m`.'), because('`@file` names a file that is not there.', 'Check the path; a value that begins with `@` itself goes in through stdin, with `-` as the argument.')],
      MACULA_INVALID_CONFIG: [because('A flag, variable or key of the file has a value outside its type or range.', 'The message names setting, source and range; `macula config show` prints all of them.'), because('The configuration file is no JSON object, or has a key that is no setting.', 'Write `{ "quicPort": 4433 }` with the names of docs/CONFIGURATION.md.'), because('A compose or environment file given to `macula migrate check` cannot be read.', 'The message names line and column.')],
      MACULA_INVALID_VALUE: [because('A value has a function, a symbol, a circular reference or an undefined in it.', 'Send plain data: text, numbers, booleans, null, bytes, arrays and objects.'), because('The name of a key, topic or procedure is empty, too long or has characters that are not allowed.', 'The message says which; docs/PUBSUB.md and docs/RPC.md have the rules.')],
      MACULA_VALUE_TOO_LARGE: [because('A DHT value is over 64 KiB, or a message or result over 1 MiB.', 'Store the data where it can be fetched from and pass its address, or stream it over RPC.')],
      MACULA_OUTPUT_FAILED: [because('The disk that stdout goes to is full, or the program reading it has gone wrong.', 'Make room, or write elsewhere.')],
      MACULA_FILE_EXISTS: [because('`macula cert init` or `macula doctor --bundle` would replace a file.', 'Choose another place. `macula cert init --force` replaces a key for ever, and with it the node\'s id; with `--keep-key` only the certificate.')],
      MACULA_NOT_FOUND: [because('Nothing is stored under the key, or it has expired: values live for a day unless `--ttl` says otherwise.', 'Check the key; `macula dht trace KEY` shows who was asked.'), because('There is no certificate, service or page of that name.', 'The message says what was looked for.')],
      MACULA_ABORTED: [because('Ctrl-C, or the signal of the program that called.', 'Nothing is wrong.')],
      MACULA_TIMED_OUT: [because('What was waited for did not happen within `--timeout`.', 'Give it longer, or find out what holds it up: `macula doctor`, `macula peers list`.'), because('A provider or peer is overloaded or far away.', '`macula peers ping ID` measures the path; `macula rpc providers NAME` shows who is slow.')],
      MACULA_UNEXPECTED: [because('A bug.', 'Report it with the output of the command run with `MACULA_LOG_LEVEL=debug`, and the archive that `macula doctor --bundle FILE.tar.gz` writes; it holds no secrets.')],
    },
  },
  {
    title: 'The node and its control socket',
    causes: {
      MACULA_NO_NODE: [because('No node runs on this data directory.', 'Start one: `macula node start`.'), because('The node runs as another user or with another data directory.', 'Give the command the same `--data-dir` or `--socket`, or MACULA_DATA_DIR.'), because('In a program: the node has not started yet, or has stopped.', 'Await `node.start()` before.')],
      MACULA_NODE_NOT_ANSWERING: [because('The process is stopped (Ctrl-Z, a debugger) or its machine is out of memory.', '`macula node status` names its process id. Look at its log; end it and start the node again. One that hangs for ten seconds is ended by its own watchdog.')],
      MACULA_CONTROL_REFUSED: [because('The socket belongs to the user that runs the node, who is not you.', 'Run the command as that user: `sudo -u USER macula …`.')],
      MACULA_ALREADY_RUNNING: [because('A node runs on this data directory already.', 'Use it, stop it with `macula node stop`, or give the second one another `--data-dir` and port.')],
      MACULA_PORT_IN_USE: [because('Another program, or another node, has UDP port 4433 or TCP port 9464.', '`ss -ulpn \'sport = :4433\'` shows which. Choose another with `--port` and `--metrics-port`, or 0 for any free one.')],
      MACULA_PERMISSION_DENIED: [because('A file or directory belongs to somebody else.', '`chown` what the message names to the user that runs the node.'), because('A port below 1024 is only for root.', 'Take one above, or allow it with `setcap` or the service manager.'), because('A container\'s volume is owned by another user than 1000.', '`chown 1000:1000` the directory on the host.')],
      MACULA_STORE_FAILED: [because('The disk is full or read-only.', 'Make room; `macula doctor` shows how much there is. The node takes writes again by itself.'), because('The store is damaged.', 'Start the node again: it moves the store aside, and begins with an empty one that fills from the mesh.'), because('The data directory is on a network file system without memory mapping or locks.', 'Put it on a local disk.')],
    },
  },
  {
    title: 'Identity and trust',
    causes: {
      MACULA_CERTIFICATE_MISSING: [because('One of `cert.pem` and `key.pem` was deleted or not restored.', 'Restore it. With the key alone: `macula cert init --force --keep-key`. Without the key the id is lost: move the certificate away and start.')],
      MACULA_CERTIFICATE_UNREADABLE: [because('The file is no PEM, is cut off, or the key has a passphrase.', 'Restore it from the backup; write a key without passphrase: `openssl pkey -in key.pem -out plain.pem`.')],
      MACULA_CERTIFICATE_INVALID: [because('Signed by an authority, or a chain in one file.', '`macula cert init --force --keep-key` makes a self-signed one for the same key and id.'), because('Another kind of key than Ed25519, ECDSA P-256 or RSA of 2048 to 4096 bits.', '`macula cert init --force`; the node gets another id.')],
      MACULA_CERTIFICATE_EXPIRED: [because('It ran out.', '`macula cert init --force --keep-key`: same key, same id, ten more years.'), because('The clock of this machine, or of the peer, is wrong.', 'Set it; `macula doctor` compares it with those of peers.')],
      MACULA_KEY_MISMATCH: [because('Certificate and key come from different backups.', 'Put the matching pair in place, or make a new certificate for the key with `macula cert init --force --keep-key`.')],
      MACULA_KEY_UNSAFE: [because('The key file can be read by others, often after a copy or in a mounted secret.', '`chmod 600`. In Kubernetes: see docs/DEPLOYMENT.md on fsGroup.')],
      MACULA_PIN_MISMATCH: [because('The node behind the URL was set up anew and has another key.', 'If you know that: `macula peers trust URL` on the node that refuses.'), because('Somebody answers in its place.', 'Find out who before you trust it.')],
      MACULA_ID_MISMATCH: [because('The address belongs to another node by now, or the id in a `macula://` URL is wrong.', 'Compare with `macula cert show` on that node.')],
      MACULA_PEER_UNTRUSTED: [because('Somebody ran `macula peers untrust` for it.', '`macula peers trust ID` lets it in again.')],
    },
  },
  {
    title: 'Peers',
    causes: {
      MACULA_UNREACHABLE: [because('The node is not running, or its address or port changed.', '`macula node status` there shows what it listens on.'), because('A firewall between lets no UDP through: TCP being open is not enough.', 'Open UDP port 4433 on the side with the public address. `macula doctor` tries every bootstrap node.'), because('Both are behind NATs, and no node that both reach relays for them.', 'Add one node with a public address; `macula nat probe` says what NAT there is.'), because('None of the nodes asked answers, so nobody can say who serves the procedure.', '`macula peers list`: the node is cut off from the mesh.')],
      MACULA_PEER_NOT_FOUND: [because('The beginning of an id fits no connected or known peer.', 'Give the whole id, or connect first: `macula peers connect URL`.')],
      MACULA_NOT_DIRECT: [because('Hole punching has not worked yet, or the two NATs allow none.', 'The connection works through the relay. Forward UDP port 4433 on one of the two routers; docs/NAT.md says which pairs can be direct.')],
      MACULA_REALM_MISMATCH: [because('The two nodes are configured for different realms.', 'The same MACULA_REALM on both.')],
      MACULA_REALM_PROOF_FAILED: [because('One has a realm secret and the other none, or they differ.', 'The same MACULA_REALM_SECRET on all nodes; beware of a line end that a shell or secret store adds.')],
      MACULA_VERSION_MISMATCH: [because('One node is older than the protocol of the other. v0.8 is not spoken to.', 'Upgrade the older one; docs/MIGRATION.md.')],
      MACULA_PEER_REFUSED: [because('The other node is full (MACULA_MAX_CONNECTIONS and its like) or stopping.', 'The message has its reason. It is tried again by itself.')],
      MACULA_SELF_DIAL: [because('A bootstrap URL or address is this node\'s own.', 'Harmless in a list shared by all nodes; otherwise name another node.')],
      MACULA_CONNECTION_CLOSED: [because('The peer stopped, was restarted, or its network went away.', 'Try again: connections come back by themselves. Was it a call that is not idempotent, `executed` in the details says whether it may have run.')],
      MACULA_PROTOCOL_VIOLATION: [because('Another program answers, or the peer has a bug or means harm.', 'Check what runs there. The connection is closed, so nothing else is affected.')],
      MACULA_RELAY_REFUSED: [because('The relay has as many reservations or sessions as it takes, or has none for the peer any more.', 'Other relays are tried by themselves; raise MACULA_RELAY_MAX_SESSIONS and its like on nodes that can take more.')],
      MACULA_REMOTE_ERROR: [because('The peer could not do what was asked.', 'Its reason is in the message; its own log says more.')],
      MACULA_OVERLOADED: [because('A limit of this node or of the peer is reached; the message names it.', 'Slow down, spread the load over more providers, or raise the limit where there is memory for it.')],
    },
  },
  {
    title: 'DHT',
    causes: {
      MACULA_UNDER_REPLICATED: [because('Some of the closest nodes did not confirm: just gone, slow, or full.', 'Try again; those that confirmed keep the value. A small mesh that is to write on: `--min-replicas 1`.')],
      MACULA_RECORD_REFUSED: [because('Every node refused: store full, limits per publisher or per network reached, or clocks that differ.', 'The details have each reason.')],
      MACULA_STALE_SEQUENCE: [because('Somebody else wrote since you read, or `--expect-seq` was not met.', 'Read again and decide anew. Under keys that only one node writes, use `--owned`.')],
    },
  },
  {
    title: 'Publish/subscribe',
    causes: {
      MACULA_NO_SUBSCRIBERS: [because('Nobody subscribes, or has only just begun to.', 'Try again in a second or two; without `--require-subscribers` it is no failure.'), because('The pattern of the subscriber does not match: `*` stands for one token, `>` for all the rest.', 'Compare topic and pattern; they are case-sensitive.')],
      MACULA_PARTLY_DELIVERED: [because('A subscriber is slow, has stopped, or lost its connection.', 'It gets what it missed when it is back within the time of MACULA_PUBSUB_REPLAY_AGE; otherwise publish again.')],
    },
  },
  {
    title: 'RPC',
    causes: {
      MACULA_NO_PROVIDER: [because('The procedure is misspelt, or no node serves it now.', '`macula rpc list` on the node that should.'), because('It has been served for less than a second or two.', 'Try again.')],
      MACULA_CALL_FAILED: [because('The handler threw, the command ended with another exit code than 0, or the URL answered with an error.', 'The message is the handler\'s own; mend it there. Nothing is tried again, since it ran.')],
      MACULA_CALL_REFUSED: [because('The procedure is served with `--allow` and this node is not on the list.', 'Add this node\'s id on the node that serves it.')],
      MACULA_PROCEDURE_STREAMS: [because('The procedure streams its results, and was called for one.', '`macula rpc call NAME --stream`, or `callStream` in a program.')],
      MACULA_ALREADY_SERVED: [because('The node serves a procedure of this name already, perhaps for a program that was not ended.', '`macula rpc list`; end the other, or choose another name.')],
    },
  },
];
