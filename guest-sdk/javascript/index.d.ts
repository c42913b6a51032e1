// Types of what a processor imports.

/** Checks the definition of a processor, and returns it: the default export of its module. */
export function processor<Config = Record<string, unknown>>(definition: Definition<Config>): Definition<Config>;

/** What a processor is. */
export interface Definition<Config = Record<string, unknown>> {
  /** The type under which pipeline configs name it, such as `processor_my_parser`. */
  name: string;
  /** Its own version. */
  version: string;
  /** What it does, in one line. */
  summary: string;
  /** A JSON Schema of its configuration. The host checks configs against it, and tells mistakes by file and line. */
  configSchema: object;
  /** Whether what it configures has `save` and `restore`. */
  stateful?: boolean;
  /** Prepares for work. Throws a `ConfigError` with every mistake that it finds. */
  configure(config: Config, context: Context): Configured;
}

/** A processor that is ready for work. */
export interface Configured {
  /** The fields that it looks at, which its batches then hold alone. Without it: all. */
  reads?: string[];
  /** What a person should know about the configuration though it is valid. */
  warnings?: Issue[];
  /** Facts that `loglift validate` shows. */
  notes?: string[];
  /** Looks at one batch and changes what it likes. An error that is thrown is a fault of the event that it is for. */
  process(batch: Batch): void;
  /** What it remembers, in a form of its own. */
  save?(): Uint8Array;
  /** Goes on with what an instance of a version saved. Throws if that is of no use. */
  restore?(fromVersion: string, saved: Uint8Array): void;
}

/** What the host tells a processor once. */
export interface Context {
  /** The time zone of the machine: a name for `zone`. */
  machineZone: string;
  /** Events older than so many seconds when they are read may be discarded. Undefined: the rule is off. */
  discardOlderThan?: number;
  /** Further facts by name. */
  extra: Map<string, string>;
}

/** A mistake in the configuration. */
export interface Issue {
  /** The parameter, such as `Keys[2]`. Empty for the configuration as a whole. */
  path: string;
  /** What is wrong and what would be right. */
  message: string;
}

/** Events of one source in read order; one or more. */
export interface Batch extends Iterable<Event> {
  /** How many events there are. */
  readonly length: number;
  /** When the host read them, in Unix seconds. */
  readonly readSeconds: number;
  /** What belongs to the batch as a whole: path, host, topic and the like. */
  readonly tags: ReadonlyMap<string, string>;
  setTag(name: string, value: string): void;
  deleteTag(name: string): void;
  /** Adds to a counter of the processor's own, such as `history_failure_total`. */
  count(counter: string, amount?: number): void;
  /** Reports something about the batch as a whole that a person should hear of. */
  alarm(kind: string, message: string | (() => string)): void;
}

/** One log record: named fields in order, and a time. */
export interface Event extends Iterable<[name: string, value: string]> {
  /** The place of the event in its batch. */
  readonly index: number;
  /** The value of a field as text. What is not UTF-8 is shown as U+FFFD, and stays if the field is not set. */
  get(name: string): string | undefined;
  /** The value of a field as bytes, which are not to be changed. */
  getBytes(name: string): Uint8Array | undefined;
  has(name: string): boolean;
  /** The names of the fields, in order. */
  names(): string[];
  /** Sets a field: in its place if the event has it, else at the end. */
  set(name: string, text: string): this;
  setBytes(name: string, bytes: Uint8Array): this;
  /** Removes a field, if the event has it. */
  remove(name: string): void;
  /** Gives a field another name, and the end of the event as its place. Copies nothing. */
  rename(from: string, to: string): void;
  /** Drops the event. */
  discard(): void;
  /** Makes several events of it: one for each part, which has the fields in which it differs. Null removes a field. */
  split(parts: Iterable<Record<string, string | Uint8Array | null>> & { readonly length: number }): void;
  /** Makes it a part of the event that goes out before it, whose fields the processor sets as it likes. */
  merge(): void;
  get time(): Time;
  set time(time: { seconds: number; nanoseconds?: number });
  /** Says what became of the event, for the host to count. Without a word it is successful. */
  set outcome(outcome: Outcome);
  /** Reports something that a person should hear of. After a few of one kind, further ones are only counted. */
  alarm(kind: string, message: string | (() => string)): void;
}

/** A moment: seconds since 1970-01-01T00:00:00Z, and the rest in nanoseconds. */
export interface Time {
  seconds: number;
  nanoseconds: number;
}

/** What became of an event. */
export type Outcome = "successful" | "failed" | "key-not-found" | "discarded";

/** The configuration is wrong. */
export class ConfigError extends Error {
  constructor(issues: Issue[]);
  readonly issues: Issue[];
}

/** No event of the batch could be processed; the events go on as they were, marked with the message. */
export class Refusal extends Error {}

/** Writes one line to the agent's log. Outside a component it does nothing. */
export function log(level: "debug" | "info" | "warn" | "error", message: string): void;

/** The data of a time zone in TZif form, by its name. Answers while `configure` runs, in a component, only. */
export function zone(name: string): Uint8Array | undefined;

/** A value as an alarm shows it: no more than its first 100 characters. */
export function excerpt(text: string): string;
