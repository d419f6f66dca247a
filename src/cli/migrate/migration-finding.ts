/** `required`: without the change a node of this version does not do what the old one did; `recommended`: it does, with a warning or a line too many. */
export type MigrationSeverity = 'required' | 'recommended' | 'note';

/** One thing in a configuration of v0.8 that is different now. */
export interface MigrationFinding {
  /** What kind of thing; never changes its meaning. */
  readonly code: 'renamed-variable' | 'removed-variable' | 'unknown-variable' | 'invalid-value' | 'default' | 'port' | 'volume' | 'certificate' | 'health' | 'command' | 'image' | 'other-file';
  readonly severity: MigrationSeverity;
  /** Service of a compose file; null elsewhere. */
  readonly service: string | null;
  /** Line of the file, from 1; null where it stands nowhere, or behind a YAML alias. */
  readonly line: number | null;
  /** The variable, port, volume or key it is about, as written. */
  readonly subject: string;
  readonly message: string;
  /** What to write, or to do. */
  readonly change: string;
}

/** A text of the file and where it stands. */
export interface Written {
  readonly text: string;
  readonly line: number | null;
}

/** What a compose file says of a service beside its environment. */
export interface ContainerFacts {
  readonly line: number | null;
  readonly image: Written | undefined;
  readonly dockerfile: Written | undefined;
  /** `command` and `entrypoint`. */
  readonly commands: readonly Written[];
  readonly healthcheck: Written | undefined;
  readonly ports: readonly Written[];
  /** Whether the service uses the host's network, where nothing is published. */
  readonly hostNetwork: boolean;
  /** Paths in the container that outlive it. */
  readonly mounts: readonly Written[];
  readonly environmentFiles: readonly Written[];
}

/** Configuration of one node, as a file or an environment has it. */
export interface NodeConfiguration {
  readonly service: string | null;
  readonly variables: ReadonlyMap<string, Written>;
  readonly container: ContainerFacts | undefined;
}

/** The value of a variable where the file itself says it: undefined for one that is unset, empty or put together from others. */
export function plainValue(configuration: NodeConfiguration, name: string): string | undefined {
  const text = configuration.variables.get(name)?.text;
  return text === undefined || text === '' || text.includes('$') ? undefined : text;
}
