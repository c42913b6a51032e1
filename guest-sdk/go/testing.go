//go:build !wasip1

package loglift

import (
	"fmt"
	"slices"
	"strings"
)

// Guest is a configured processor that unit tests feed with events. It runs natively, as the test does.
type Guest struct {
	// Setup is what the processor said of its configuration.
	Setup     Setup
	processor Processor
}

// TestEvent is an event as a test writes it.
type TestEvent struct {
	Seconds     int64
	Nanoseconds uint32
	Fields      []TestField
}

// TestField is a field of a [TestEvent].
type TestField struct{ Name, Value string }

// Output is what a processor made of a batch.
type Output struct {
	// Events are those that came out.
	Events []TestEvent
	// Outcomes are one for each event that went in.
	Outcomes []Outcome
	// Alarms are the kind and the message of each, as "KIND: message".
	Alarms []string
	// Counts are the amounts for counters of the processor's own.
	Counts map[string]uint64
}

// Configure configures the registered processor by JSON, in the zone UTC and with no event too old.
//
// The error is an [Issue], or several that are joined.
func Configure(config string) (*Guest, error) {
	if registered.configure == nil {
		return nil, fmt.Errorf("no processor was registered")
	}
	processor, setup, err := registered.configure([]byte(config), Context{MachineZone: "UTC"})
	if err != nil {
		return nil, err
	}
	return &Guest{setup, processor}, nil
}

// Issues takes the error of a configuration apart.
func Issues(err error) []Issue { return issues(err) }

// NewEvent returns an event at time 0 with these names and values, in order.
func NewEvent(namesAndValues ...string) TestEvent {
	var event TestEvent
	for pair := range slices.Chunk(namesAndValues, 2) {
		event.Fields = append(event.Fields, TestField{pair[0], pair[1]})
	}
	return event
}

// String returns the fields as name=value, one after the other.
func (e TestEvent) String() string {
	var fields []string
	for _, field := range e.Fields {
		fields = append(fields, fmt.Sprintf("%s=%q", field.Name, field.Value))
	}
	return strings.Join(fields, " ")
}

// Process has a batch processed, which the agent read at Unix second 0.
func (g *Guest) Process(events ...TestEvent) (Output, error) {
	batch := newBatch(events)
	changes := &Changes{batch: batch}
	if err := g.processor.Process(batch, changes); err != nil {
		return Output{}, err
	}
	changes.finish()
	return changes.output(), nil
}

// Processor returns the processor itself, so that a test can ask a [Stateful] one to save and to restore.
func (g *Guest) Processor() Processor { return g.processor }

// newBatch lays events out in columns, as the agent does.
func newBatch(events []TestEvent) *Batch {
	batch := &Batch{}
	put := func(text string) (offset, length uint32) {
		offset = uint32(len(batch.arena))
		batch.arena = append(batch.arena, text...)
		return offset, uint32(len(text))
	}
	keys := map[string]uint32{}
	for _, event := range events {
		batch.seconds = append(batch.seconds, event.Seconds)
		batch.nanoseconds = append(batch.nanoseconds, event.Nanoseconds)
		batch.fieldCounts = append(batch.fieldCounts, uint32(len(event.Fields)))
		for _, field := range event.Fields {
			key, ok := keys[field.Name]
			if !ok {
				key = uint32(len(keys))
				keys[field.Name] = key
				offset, length := put(field.Name)
				batch.names = append(batch.names, offset, length)
			}
			offset, length := put(field.Value)
			batch.keys = append(batch.keys, key)
			batch.values = append(batch.values, offset, length)
		}
	}
	return batch
}

// output applies the changes to the batch, as the agent does.
func (c *Changes) output() Output {
	b := c.batch
	arena := slices.Concat(b.arena, c.appended)
	names, origins := c.names, c.origins
	if names == nil {
		names = b.names
	}
	if c.discarded == nil {
		for index := range b.Len() {
			origins = append(origins, uint32(index))
		}
	}
	inputs := slices.Collect(b.Events())
	output := Output{Outcomes: make([]Outcome, b.Len()), Counts: map[string]uint64{}}
	for place, origin := range origins {
		var fields []editedField
		for field := inputs[origin].firstField; field < inputs[origin].firstField+inputs[origin].fieldCount; field++ {
			fields = append(fields, editedField{b.keys[field], string(slice(arena, b.values, field))})
		}
		fields = c.edits.apply(uint32(place), fields, arena)
		event := TestEvent{Seconds: b.seconds[origin], Nanoseconds: b.nanoseconds[origin]}
		if c.seconds != nil {
			event.Seconds, event.Nanoseconds = c.seconds[place], c.nanoseconds[place]
		}
		for _, field := range fields {
			if names[2*field.key] != removed {
				event.Fields = append(event.Fields, TestField{string(slice(arena, names, int(field.key))), field.value})
			}
		}
		output.Events = append(output.Events, event)
	}
	for index, outcome := range c.outcomes {
		output.Outcomes[index] = Outcome(outcome)
	}
	for _, alarm := range c.alarms {
		output.Alarms = append(output.Alarms, alarm.kind+": "+oneLine(alarm.message))
	}
	for _, count := range c.counts {
		output.Counts[count.name] = count.amount
	}
	return output
}

type editedField struct {
	key   uint32
	value string
}

// apply returns the fields of an event after its edits.
func (e *edits) apply(event uint32, fields []editedField, arena []byte) []editedField {
	for edit, known := range e.events {
		if known != event {
			continue
		}
		place := slices.IndexFunc(fields, func(field editedField) bool { return field.key == e.keys[edit] })
		switch isRemoval := e.values[2*edit] == removed; {
		case isRemoval && place >= 0:
			fields = slices.Delete(fields, place, place+1)
		case isRemoval:
		case place >= 0:
			fields[place].value = string(slice(arena, e.values, edit))
		default:
			fields = append(fields, editedField{e.keys[edit], string(slice(arena, e.values, edit))})
		}
	}
	return fields
}

// Value returns the value of a field.
func (e TestEvent) Value(name string) (string, bool) {
	for _, field := range e.Fields {
		if field.Name == name {
			return field.Value, true
		}
	}
	return "", false
}
