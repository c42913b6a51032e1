package loglift

// What the agent calls, and how values lie in memory when it does: the canonical ABI of the component model for the
// world `processor` of wit/processor.wit. Records have the layout of the structs below; a list or a string is a pointer
// and a length; a variant begins with one byte that says which case it is.

import (
	"strings"
	"structs"
	"unsafe"
)

// list is a list or a string.
type list struct {
	_    structs.HostLayout
	data uint32
	len  uint32
}

// option is an optional list.
type option struct {
	_      structs.HostLayout
	isSome uint8
	value  list
}

type wireBatch struct {
	_           structs.HostLayout
	bytes       list
	seconds     list
	nanoseconds list
	names       list
	fieldCounts list
	keys        list
	values      list
	tagNames    list
	tagValues   list
	readSeconds int64
}

type wireAnswer struct {
	_           structs.HostLayout
	isError     uint8
	appended    list // or the message
	names       option
	origins     option
	through     option
	seconds     option
	nanoseconds option
	fields      uint8 // unchanged, edits, rows
	events      list
	keys        list
	values      list
	hasTags     uint8
	tagNames    list
	tagValues   list
	outcomes    option
	counts      list
	alarms      list
}

type wireCount struct {
	_      structs.HostLayout
	name   list
	amount uint64
}

type wireAlarm struct {
	_           structs.HostLayout
	hasEvent    uint8
	event       uint32
	kind        list
	message     list
	occurrences uint32
}

type wireDescription struct {
	_                              structs.HostLayout
	name, version, summary, schema list
}

type wireIssue struct {
	_             structs.HostLayout
	path, message list
}

type wirePair struct {
	_           structs.HostLayout
	name, value list
}

type wireSetup struct {
	_        structs.HostLayout
	isError  uint8
	reads    option
	warnings list
	notes    list
}

type wireIssues struct {
	_       structs.HostLayout
	isError uint8
	issues  list
}

//go:wasmexport loglift:processor/columnar@0.1.0#describe
func exportDescribe() *wireDescription {
	defer begin()()
	description := &registered.description
	return keep(&wireDescription{
		name:    text(description.Name),
		version: text(description.Version),
		summary: text(description.Summary),
		schema:  text(description.Schema),
	})
}

//go:wasmexport loglift:processor/columnar@0.1.0#configure
func exportConfigure(
	config, configLen, zone, zoneLen, hasDiscardOlderThan, discardOlderThan, extra, extraLen uint32,
) *wireSetup {
	defer begin()()
	context := Context{MachineZone: string(view[byte](list{data: zone, len: zoneLen})), Extra: map[string]string{}}
	if hasDiscardOlderThan != 0 {
		context.DiscardOlderThan = discardOlderThan
	}
	for _, pair := range view[wirePair](list{data: extra, len: extraLen}) {
		context.Extra[string(view[byte](pair.name))] = string(view[byte](pair.value))
	}
	if registered.configure == nil {
		return failed([]Issue{{"", "the program registers no processor"}})
	}
	// A copy, since the processor may keep parts of it.
	made, setup, err := registered.configure([]byte(string(view[byte](list{data: config, len: configLen}))), context)
	if err != nil {
		return failed(issues(err))
	}
	configured = made
	answer := &wireSetup{warnings: wireIssueList(setup.Warnings), notes: texts(setup.Notes)}
	if setup.Reads != nil {
		answer.reads = option{isSome: 1, value: texts(setup.Reads)}
	}
	return keep(answer)
}

//go:wasmexport loglift:processor/columnar@0.1.0#process
func exportProcess(in *wireBatch) *wireAnswer {
	defer begin()()
	if configured == nil {
		return keep(&wireAnswer{isError: 1, appended: text("process was called before configure")})
	}
	batch := &Batch{
		arena:       view[byte](in.bytes),
		seconds:     view[int64](in.seconds),
		nanoseconds: view[uint32](in.nanoseconds),
		names:       view[uint32](in.names),
		fieldCounts: view[uint32](in.fieldCounts),
		keys:        view[uint32](in.keys),
		values:      view[uint32](in.values),
		tagNames:    view[uint32](in.tagNames),
		tagValues:   view[uint32](in.tagValues),
		readSeconds: in.readSeconds,
	}
	changes := &Changes{batch: batch}
	if err := configured.Process(batch, changes); err != nil {
		return keep(&wireAnswer{isError: 1, appended: text(err.Error())})
	}
	changes.finish()
	return keep(changes.wire())
}

// wire returns the answer. What it points at lives until the agent has read it.
func (c *Changes) wire() *wireAnswer {
	answer := &wireAnswer{
		appended:    lower(c.appended),
		names:       some(c.names),
		origins:     some(c.origins),
		seconds:     some(c.seconds),
		nanoseconds: some(c.nanoseconds),
		outcomes:    some(c.outcomes),
	}
	if len(c.edits.events) > 0 {
		answer.fields = 1
		answer.events, answer.keys, answer.values = lower(c.edits.events), lower(c.edits.keys), lower(c.edits.values)
	}
	var counts []wireCount
	for _, count := range c.counts {
		counts = append(counts, wireCount{name: text(count.name), amount: count.amount})
	}
	var alarms []wireAlarm
	for _, alarm := range c.alarms {
		alarms = append(alarms, wireAlarm{
			hasEvent:    1,
			event:       uint32(alarm.event),
			kind:        text(alarm.kind),
			message:     text(oneLine(alarm.message)),
			occurrences: alarm.occurrences,
		})
	}
	answer.counts, answer.alarms = lower(counts), lower(alarms)
	return answer
}

func failed(issues []Issue) *wireSetup {
	answer := keep(&wireIssues{isError: 1, issues: wireIssueList(issues)})
	return (*wireSetup)(unsafe.Pointer(answer))
}

func wireIssueList(issues []Issue) list {
	var wired []wireIssue
	for _, issue := range issues {
		wired = append(wired, wireIssue{path: text(issue.Path), message: text(issue.Message)})
	}
	return lower(wired)
}

func texts(all []string) list {
	var wired []list
	for _, one := range all {
		wired = append(wired, text(one))
	}
	return lower(wired)
}

// text is a string as the contract wants it, which is UTF-8.
func text(text string) list {
	text = strings.ToValidUTF8(text, "\ufffd")
	lent = append(lent, unsafe.Pointer(unsafe.StringData(text)))
	return list{data: address(unsafe.StringData(text)), len: uint32(len(text))}
}

// some is an optional list, which is there unless it is nil.
func some[T any](values []T) option {
	if values == nil {
		return option{}
	}
	return option{isSome: 1, value: lower(values)}
}

// lower returns where a slice is, and has it stay there until the call is over.
func lower[T any](values []T) list {
	data := unsafe.SliceData(values)
	lent = append(lent, unsafe.Pointer(data))
	return list{data: address(data), len: uint32(len(values))}
}

// keep has a value stay until the call is over.
func keep[T any](value *T) *T {
	lent = append(lent, unsafe.Pointer(value))
	return value
}

// view returns what the agent has put into our memory, where it is.
func view[T any](list list) []T {
	if list.len == 0 {
		return nil
	}
	return unsafe.Slice((*T)(pointer(list.data)), list.len)
}

func address[T any](pointer *T) uint32 { return uint32(uintptr(unsafe.Pointer(pointer))) }

// pointer returns a place that the agent has named. It lies in a room, which stays.
func pointer(address uint32) unsafe.Pointer {
	at := uintptr(address)
	return *(*unsafe.Pointer)(unsafe.Pointer(&at))
}

// configured is the processor.
var configured Processor

// lent is what must stay alive until the agent has read it, that is until the next call.
var lent []unsafe.Pointer

// begin begins a call, and returns what ends it: what the agent has put into our memory for it is then of no use any
// more.
func begin() (end func()) {
	clear(lent)
	lent = lent[:0]
	return func() { rooms.callUsed = 0 }
}
