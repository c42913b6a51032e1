package loglift

import (
	"runtime"
	"strings"
	"structs"
	"unsafe"
)

// Log writes one line to the agent's log, under the processor's name. In unit tests it does nothing.
func Log(level Level, message string) {
	message = strings.ToValidUTF8(message, "\ufffd")
	hostLog(uint32(level), unsafe.Pointer(unsafe.StringData(message)), uint32(len(message)))
	runtime.KeepAlive(message)
}

// Zone returns the data of a time zone in TZif form (RFC 8536), as [time.LoadLocationFromTZData] takes it, by its name
// or as [Context.MachineZone]. It answers while the processor is configured, and only for zones that the agent knows.
// In unit tests it knows none.
func Zone(name string) ([]byte, bool) {
	var answer struct {
		_      structs.HostLayout
		isSome uint8
		data   list
	}
	hostZone(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), unsafe.Pointer(&answer))
	runtime.KeepAlive(name)
	if answer.isSome == 0 {
		return nil, false
	}
	return append([]byte(nil), view[byte](answer.data)...), true
}

//go:wasmimport loglift:processor/host@0.1.0 log
func hostLog(level uint32, message unsafe.Pointer, len uint32)

//go:wasmimport loglift:processor/host@0.1.0 zone
func hostZone(name unsafe.Pointer, len uint32, answer unsafe.Pointer)

// rooms is memory that the agent, and the adapter for WASI, take without running any Go code: while they hand something
// over, a component must not call out, and Go's runtime looks at the clock whenever it runs. Nor may they have memory
// of their own, since the runtime takes all that the machine grows for its heap. `loglift component` looks for the
// marks, and adds the functions that they name. The marks are spelled out, since only constants are in the program's
// data from the start.
var rooms = struct {
	// What the agent hands over in a call. A batch is a part of a mebibyte, most of the time; one for which there is no
	// room is processed in smaller parts.
	callMark [48]byte
	callLen  uint32
	callUsed uint32
	call     [callBytes]byte

	// The adapter's state and its stack.
	adapterMark [48]byte
	adapterLen  uint32
	adapterUsed uint32
	adapter     [adapterBytes]byte
}{
	callMark: [48]byte{
		'l', 'o', 'g', 'l', 'i', 'f', 't', ':', ' ', 'r', 'o', 'o', 'm', ' ', 'f', 'o',
		'r', ' ', 'c', 'a', 'b', 'i', '_', 'r', 'e', 'a', 'l', 'l', 'o', 'c', '.', '.',
		'.', '.', '.', '.', '.', '.', '.', '.', '.', '.', '.', '.', '.', '.', '.', '.',
	},
	callLen: callBytes,
	adapterMark: [48]byte{
		'l', 'o', 'g', 'l', 'i', 'f', 't', ':', ' ', 'r', 'o', 'o', 'm', ' ', 'f', 'o',
		'r', ' ', 'c', 'a', 'b', 'i', '_', 'r', 'e', 'a', 'l', 'l', 'o', 'c', '_', 'a',
		'd', 'a', 'p', 't', 'e', 'r', '.', '.', '.', '.', '.', '.', '.', '.', '.', '.',
	},
	adapterLen: adapterBytes,
}

const (
	callBytes    = 8<<20 - 64
	adapterBytes = 192<<10 - 64
)
