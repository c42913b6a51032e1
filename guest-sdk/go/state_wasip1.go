package loglift

import (
	"structs"
	"unsafe"
)

type wireDone struct {
	_       structs.HostLayout
	isError uint8
	message list
}

// ExportSave is for package stateful.
func ExportSave() unsafe.Pointer {
	defer begin()()
	saved := &list{}
	if stateful, ok := configured.(Stateful); ok {
		*saved = lower(stateful.Save())
	}
	return unsafe.Pointer(keep(saved))
}

// ExportRestore is for package stateful.
func ExportRestore(version, versionLen, saved, savedLen uint32) unsafe.Pointer {
	defer begin()()
	stateful, ok := configured.(Stateful)
	if !ok {
		return unsafe.Pointer(keep(&wireDone{isError: 1, message: text("the processor does not remember anything")}))
	}
	from := string(view[byte](list{data: version, len: versionLen}))
	// A copy, since the processor may keep parts of it.
	memory := append([]byte(nil), view[byte](list{data: saved, len: savedLen})...)
	if err := stateful.Restore(from, memory); err != nil {
		return unsafe.Pointer(keep(&wireDone{isError: 1, message: text(err.Error())}))
	}
	return unsafe.Pointer(keep(&wireDone{}))
}
