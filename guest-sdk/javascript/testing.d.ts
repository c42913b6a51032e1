// Types of what runs a processor natively, for unit tests.

import type { Context, Definition, Issue, Outcome, Time } from "./index.js";

/** The fields of an event. */
export type Fields = Record<string, string | Uint8Array>;

/** An event with a time. */
export interface TimedEvent {
  readonly time?: Partial<Time>;
}

/** An event with a time: elsewhere an event is an object of its fields. */
export function event(fields: Fields, time?: Partial<Time>): TimedEvent;

/** Configures a processor and has it process one batch. Throws if it refuses its configuration, or the batch. */
export function run<Config>(
  definition: Definition<Config>,
  config: Partial<Config>,
  events: (Fields | TimedEvent)[],
): Output;

/** A configured processor that tests feed with batches. */
export class Guest<Config = Record<string, unknown>> {
  /** Throws an error with `issues` if the processor refuses its configuration. */
  constructor(definition: Definition<Config>, config?: Partial<Config>, context?: Partial<Context>);
  /** What `configure` answered. */
  readonly setup: { reads?: string[]; warnings: Issue[]; notes: string[] };
  process(events: (Fields | TimedEvent)[], batch?: { tags?: Record<string, string>; readSeconds?: number }): Output;
  save(): Uint8Array;
  restore(fromVersion: string, saved: Uint8Array): void;
}

/** What a processor made of a batch. */
export interface Output {
  /** The events that came out. */
  events: Record<string, string>[];
  /** The same as bytes. */
  raw: Record<string, Uint8Array>[];
  /** Their times. */
  times: Time[];
  /** The input event that each of them came from. */
  origins: number[];
  /** The last input event that was merged into each. */
  through: number[];
  /** One for each input event. */
  outcomes: Outcome[];
  tags: Record<string, string>;
  /** Amounts for counters of the processor's own. */
  counts: Record<string, number>;
  alarms: { event?: number; kind: string; message: string; occurrences: number }[];
}
