// Package training knows what responders have learnt: the courses there are,
// and the certificates that completing one earns.
//
// A certificate that is valid now is a qualification, which dispatches ask for.
// Anyone who holds a certificate's number may check it, and sees no more of the
// holder than a masked name. Who is on the roster, and where, is package
// roster's: this package is told through Config.Scope, so that neither imports
// the other.
package training
