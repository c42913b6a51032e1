package stateful

import (
	"unsafe"

	"loglift"
)

//go:wasmexport loglift:processor/state@0.1.0#save
func exportSave() unsafe.Pointer { return loglift.ExportSave() }

//go:wasmexport loglift:processor/state@0.1.0#restore
func exportRestore(version, versionLen, saved, savedLen uint32) unsafe.Pointer {
	return loglift.ExportRestore(version, versionLen, saved, savedLen)
}
