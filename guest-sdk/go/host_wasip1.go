package loglift

import (
	"runtime"
	"structs"
	"unsafe"
)

// Log writes one line to the agent's log, under the processor's name. In unit tests it does nothing.
func Log(level Level, message string) {
	hostLog(uint32(level), unsafe.Pointer(unsafe.StringData(message)), uint32(len(message)))
	runtime.KeepAlive(message)
}

// Zone returns the data of a time zone in TZif form (RFC 8536), as [time.LoadLocationFromTZData] takes it, by its name or
// as [Context.MachineZone]. It answers while the processor is configured, and only for zones that the agent knows. In unit
// tests it knows none.
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

// adapterRoom is where WASI's adapter keeps its state and its stack. It is called before any Go code runs, and memory that
// it took from the machine would be taken for the heap by Go's runtime. `loglift component` looks for the mark, and has the
// adapter use what follows it.
var adapterRoom = struct {
	mark [35]byte
	len  [4]byte
	room [192 << 10]byte
}{
	mark: [35]byte([]byte("loglift: room for the WASI adapter\n")),
	len:  [4]byte{0x00, 0x00, 0x03, 0x00},
}

func init() { runtime.KeepAlive(&adapterRoom) }
