import { ExitCode } from './exit-codes.js';

/** What the catalogue holds about one error code. */
export interface ErrorEntry {
  /** Exit code of a command that ends with this error. */
  readonly exitCode: ExitCode;
  /** Whether trying the same again later can succeed. */
  readonly retryable: boolean;
  /** What the error means, in one sentence (docs/errors.md). */
  readonly meaning: string;
  /** What to do about it; used when the place that throws knows nothing better. */
  readonly hint: string;
}

function entry(exitCode: ExitCode, retryable: boolean, meaning: string, hint: string): ErrorEntry {
  return { exitCode, retryable, meaning, hint };
}

/**
 * Every error code of Macula. docs/errors.md is held to this table by a test. A code is never reused
 * with another meaning.
 */
export const errorCatalogue = {
  MACULA_UNEXPECTED: entry(ExitCode.unexpected, false, 'A bug: something happened that the code does not foresee.', 'Please report it with the output of the command run with MACULA_LOG_LEVEL=debug.'),
  MACULA_USAGE: entry(ExitCode.usage, false, 'The command line is wrong: an unknown command or flag, or a bad value.', 'Run the command with --help.'),
  MACULA_INVALID_CONFIG: entry(ExitCode.usage, false, 'A setting has a value outside its type or range.', 'Run `macula config show` to see where each value comes from.'),
  MACULA_INVALID_VALUE: entry(ExitCode.usage, false, 'A value cannot be carried in a message.', 'Use plain data: text, numbers, booleans, null, binary, arrays and objects with string keys.'),
  MACULA_NO_NODE: entry(ExitCode.noNode, true, 'No node answers on the control socket.', 'Start one with `macula node start`.'),
  MACULA_NODE_NOT_ANSWERING: entry(ExitCode.noNode, true, 'A node process holds the control socket but does not answer.', 'Look at its log, or stop that process and start the node again.'),
  MACULA_CONTROL_REFUSED: entry(ExitCode.refused, false, 'The control socket belongs to somebody else.', 'Run the command as the user that runs the node.'),
  MACULA_NOT_FOUND: entry(ExitCode.notFound, false, 'What was asked for does not exist.', 'Check the name.'),
  MACULA_PEER_NOT_FOUND: entry(ExitCode.notFound, true, 'No such peer is connected or known.', 'List the peers with `macula peers list`.'),
  MACULA_TIMED_OUT: entry(ExitCode.timedOut, true, 'The operation did not finish in time.', 'Check that the other side runs and can be reached, or give it longer with --timeout.'),
  MACULA_ABORTED: entry(ExitCode.interrupted, true, 'The operation was cancelled by its caller.', 'Nothing to do.'),
  MACULA_UNREACHABLE: entry(ExitCode.timedOut, true, 'The address or peer does not answer.', 'Check the address, the UDP port and the firewall between.'),
  MACULA_NOT_DIRECT: entry(ExitCode.partlyDone, true, 'The peer answers, but only through a relay.', 'Its NAT may take longer, or lets no direct path through; traffic goes on over the relay.'),
  MACULA_REALM_MISMATCH: entry(ExitCode.refused, false, 'The other node belongs to another realm.', 'Set MACULA_REALM to the same name on both nodes.'),
  MACULA_REALM_PROOF_FAILED: entry(ExitCode.refused, false, 'The two nodes do not hold the same realm secret.', 'Set MACULA_REALM_SECRET to the same value on both nodes.'),
  MACULA_VERSION_MISMATCH: entry(ExitCode.refused, false, 'The two nodes speak different versions of the protocol.', 'Upgrade the older node.'),
  MACULA_PIN_MISMATCH: entry(ExitCode.refused, false, 'The node at this URL shows another identity than the one remembered.', 'If the change is expected, accept it with `macula peers trust URL`.'),
  MACULA_ID_MISMATCH: entry(ExitCode.refused, false, 'The node reached has another id than the one dialled.', 'Check the id in the address.'),
  MACULA_PEER_REFUSED: entry(ExitCode.refused, false, 'The other side refused the connection.', 'Its reason is in the message.'),
  MACULA_PEER_UNTRUSTED: entry(ExitCode.refused, false, 'This peer was marked untrusted.', 'Allow it again with `macula peers trust ID`.'),
  MACULA_SELF_DIAL: entry(ExitCode.usage, false, 'The address leads back to this node itself.', 'Use the address of another node.'),
  MACULA_CERTIFICATE_INVALID: entry(ExitCode.refused, false, 'A certificate does not meet the rules: exactly one, self-signed, valid now, of an allowed key type.', 'The message says which rule failed.'),
  MACULA_CERTIFICATE_EXPIRED: entry(ExitCode.refused, false, 'A certificate is outside its validity.', 'Check the clock; make a new certificate for the same key with `macula cert init --force --keep-key`.'),
  MACULA_CERTIFICATE_MISSING: entry(ExitCode.refused, false, 'One file of the certificate and key pair is missing.', 'Restore the missing file, or move the other away and start again for a new identity.'),
  MACULA_CERTIFICATE_UNREADABLE: entry(ExitCode.refused, false, 'The certificate or key file cannot be read or parsed.', 'Check its permissions and that it is PEM.'),
  MACULA_KEY_MISMATCH: entry(ExitCode.refused, false, 'The certificate does not belong to the private key.', 'Put the matching pair in place.'),
  MACULA_KEY_UNSAFE: entry(ExitCode.refused, false, 'The private key can be read by other users.', 'Run `chmod 600` on the key file.'),
  MACULA_FILE_EXISTS: entry(ExitCode.alreadySo, false, 'The files exist already.', 'Use --force to replace them.'),
  MACULA_ALREADY_RUNNING: entry(ExitCode.alreadySo, false, 'A node already runs on this data directory.', 'Stop it with `macula node stop`, or choose another --data-dir.'),
  MACULA_PORT_IN_USE: entry(ExitCode.alreadySo, true, 'The UDP or TCP port is taken by another process.', 'Choose another port, or 0 for any free one.'),
  MACULA_PERMISSION_DENIED: entry(ExitCode.refused, false, 'The operating system refused access to a file, directory or port.', 'Check owner and mode of what the message names.'),
  MACULA_STORE_FAILED: entry(ExitCode.unexpected, true, 'The store could not be read or written.', 'Check free space and permissions of the data directory.'),
  MACULA_OUTPUT_FAILED: entry(ExitCode.unexpected, true, 'What a command printed could not be written.', 'Check free space where its output goes.'),
  MACULA_CONNECTION_CLOSED: entry(ExitCode.remoteFailed, true, 'The connection to the peer ended before the answer came.', 'Try again; `macula peers list` shows who is connected.'),
  MACULA_REMOTE_ERROR: entry(ExitCode.remoteFailed, false, 'The other side answered with an error.', 'Its reason is in the message.'),
  MACULA_PROTOCOL_VIOLATION: entry(ExitCode.remoteFailed, false, 'The peer sent something the protocol forbids.', 'Check that the peer runs a current version of Macula.'),
  MACULA_RELAY_REFUSED: entry(ExitCode.remoteFailed, true, 'A relay does not pass packets on for this pair of nodes; `reason` in the details says why.', 'Another relay of the peer may; `macula peers list` shows which are connected.'),
  MACULA_UNDER_REPLICATED: entry(ExitCode.partlyDone, true, 'Fewer nodes than asked for confirmed that they hold the record; those that did keep it.', 'Try again when more nodes are reachable, or allow fewer replicas.'),
  MACULA_RECORD_REFUSED: entry(ExitCode.remoteFailed, false, 'No node would hold the record.', 'Their reasons are in the details.'),
  MACULA_STALE_SEQUENCE: entry(ExitCode.remoteFailed, false, 'A newer record exists under the key, or not the one that was expected.', 'Read the value again and decide anew.'),
  MACULA_OVERLOADED: entry(ExitCode.remoteFailed, true, 'A limit is reached; the work was refused before it began.', 'Try again later or raise the limit the message names.'),
  MACULA_NO_SUBSCRIBERS: entry(ExitCode.notFound, true, 'Nobody subscribes to the topic, and the publisher asked for somebody to.', 'Check the topic; subscribers are found within seconds of `macula pubsub subscribe`.'),
  MACULA_PARTLY_DELIVERED: entry(ExitCode.partlyDone, true, 'Not every subscriber acknowledged the message; those that did have it.', 'Subscribers that do not answer are let go after a while; publish again if all must have it.'),
  MACULA_VALUE_TOO_LARGE: entry(ExitCode.usage, false, 'A value is over the size a DHT record or a message can hold.', 'Split the value, or store where it can be fetched from.'),
  MACULA_NO_PROVIDER: entry(ExitCode.notFound, true, 'No node serves the procedure.', 'Check its name, and that a node serves it: `macula rpc serve` there, `macula rpc providers` here.'),
  MACULA_CALL_FAILED: entry(ExitCode.remoteFailed, false, 'The procedure ran and failed.', 'Its reason is in the message, its status in the details.'),
  MACULA_CALL_REFUSED: entry(ExitCode.refused, false, 'The procedure is not open to this node; it did not run.', 'Have this node added to the procedure\'s list of callers.'),
  MACULA_PROCEDURE_STREAMS: entry(ExitCode.usage, false, 'The procedure streams its results and was called for one; it did not run.', 'Call it with `macula rpc call NAME --stream`, in a program with `callStream`.'),
  MACULA_ALREADY_SERVED: entry(ExitCode.alreadySo, false, 'The node serves a procedure of this name already.', 'Choose another name, or end what serves it.'),
} as const satisfies Record<string, ErrorEntry>;

/** A code of the catalogue. */
export type ErrorCode = keyof typeof errorCatalogue;
