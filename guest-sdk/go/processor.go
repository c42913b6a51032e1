// Package loglift is what the author of a Loglift processor in Go depends on.
//
// A processor is configured once and then handed one batch of log events after the other. It looks at events through
// views that copy nothing ([Batch], [Event]) and says what changes ([Changes]); what it does not mention stays as it
// is.
//
//	package main
//
//	import (
//		"strconv"
//
//		"loglift"
//	)
//
//	// Config is what stands in the pipeline config.
//	type Config struct{ SourceKey string }
//
//	type measure struct{ source string }
//
//	func init() {
//		loglift.Register(loglift.Description{
//			Name:    "processor_measure",
//			Version: "0.1.0",
//			Summary: "Adds the length of a field.",
//			Schema:  `{"type": "object", "properties": {"SourceKey": {"type": "string"}}}`,
//		}, Config{SourceKey: "content"}, configure)
//	}
//
//	func configure(config Config, _ loglift.Context) (loglift.Processor, loglift.Setup, error) {
//		return &measure{config.SourceKey}, loglift.Setup{Reads: []string{config.SourceKey}}, nil
//	}
//
//	func (m *measure) Process(batch *loglift.Batch, changes *loglift.Changes) error {
//		source, length := batch.Key(m.source), changes.Key("length")
//		for event := range batch.Events() {
//			if value, ok := event.Value(source); ok {
//				changes.SetString(event, length, strconv.Itoa(len(value)))
//			}
//		}
//		return nil
//	}
//
//	func main() {}
//
// It is compiled with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared, and made a component by loglift component.
// Unit tests run it natively, by [Configure].
package loglift

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// A Processor looks at batches of events and says what changes.
type Processor interface {
	// Process looks at one batch. Batches of one source arrive in read order.
	//
	// It fails when no event of the batch could be processed; the events then go on as they were, marked with the
	// message. What failed for single events belongs in [Changes.Outcome] and [Changes.Alarm].
	//
	// The batch, and every slice that was taken from it, is gone when Process returns.
	Process(batch *Batch, changes *Changes) error
}

// A Stateful processor remembers something from batch to batch. Its program imports package loglift/stateful, which
// exports the two functions to the agent.
type Stateful interface {
	Processor
	// Save returns what is remembered, in a form that a later version can still read. Called between batches, about
	// once a second.
	Save() []byte
	// Restore goes on with what a processor of another version saved. Called before the first batch, if anything was
	// saved. If it fails, the agent says so, and the processor begins without a memory.
	Restore(fromVersion string, saved []byte) error
}

// Description is what a processor says of itself.
type Description struct {
	// Name is the type under which pipeline configs name it, such as processor_measure.
	Name string
	// Version is its own version.
	Version string
	// Summary says what it does, in one line.
	Summary string
	// Schema is a JSON Schema of its configuration. The agent checks configs against it, so that mistakes are reported
	// by file and line.
	Schema string
}

// Context is what the agent tells a processor once.
type Context struct {
	// MachineZone is the time zone of the machine: a name for [Zone].
	MachineZone string
	// DiscardOlderThan is after how many seconds events may be discarded by processors that know such a rule; zero: the
	// rule is off.
	DiscardOlderThan uint32
	// Extra are further facts by name.
	Extra map[string]string
}

// Setup is what follows from a valid configuration.
type Setup struct {
	// Reads names the fields that the processor looks at. Its batches then hold no others, which makes them cheaper;
	// events still keep the rest. Nil: all fields.
	Reads []string
	// Warnings are what a person should know about the configuration though it is valid.
	Warnings []Issue
	// Notes are facts that loglift validate shows.
	Notes []string
}

// Issue is a mistake in the configuration. It is an error.
type Issue struct {
	// Path is the parameter, such as Keys[2]. Empty: the configuration as a whole.
	Path string
	// Message says what is wrong and what would be right.
	Message string
}

// Error puts the parameter before the message.
func (i Issue) Error() string {
	if i.Path == "" {
		return i.Message
	}
	return i.Path + ": " + i.Message
}

// Level is how much a log line matters.
type Level uint32

// The levels, from what is for the author of the processor to what is broken.
const (
	Debug Level = iota
	Info
	Warn
	Error
)

// Register names the processor that the program is. Called once, in an init function.
//
// configure gets defaults, overwritten by what the pipeline config says. It returns every mistake that it finds: an
// [Issue], or several by [errors.Join].
func Register[C any](description Description, defaults C, configure func(C, Context) (Processor, Setup, error)) {
	if registered.configure != nil {
		panic("loglift.Register was called twice")
	}
	registered.description = description
	registered.configure = func(text []byte, context Context) (Processor, Setup, error) {
		config := defaults
		decoder := json.NewDecoder(bytes.NewReader(text))
		if err := decoder.Decode(&config); err != nil {
			return nil, Setup{}, configIssue(err)
		}
		return configure(config, context)
	}
}

// What was registered, and what became of it.
var registered struct {
	description Description
	configure   func(config []byte, context Context) (Processor, Setup, error)
}

func configIssue(err error) error {
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return Issue{mismatch.Field, fmt.Sprintf("expected %s, found %s", mismatch.Type, mismatch.Value)}
	}
	return Issue{"", err.Error()}
}

// issues takes an error of a configure function apart.
func issues(err error) []Issue {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []Issue
		for _, one := range joined.Unwrap() {
			all = append(all, issues(one)...)
		}
		return all
	}
	var issue Issue
	if errors.As(err, &issue) {
		return []Issue{issue}
	}
	return []Issue{{"", err.Error()}}
}
