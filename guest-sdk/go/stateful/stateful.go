// Package stateful makes a program a processor that remembers: import it for its effect beside [loglift], and register
// a processor that is a [loglift.Stateful].
//
//	import _ "loglift/stateful"
package stateful

import _ "loglift"
