// Package ferrettest sends the MongoDB engine's plain reads and writes over
// the wire to FerretDB v1 on SQLite, in the test's own process. It is a module
// of its own, so that FerretDB stays out of the server's dependencies.
//
// What a green run proves is that the commands are well formed and their
// answers understood. FerretDB v1 has no transactions, change streams or
// partial indexes, takes no notice of hints and concerns, does not say which
// key a duplicate is of, and its updates are not atomic: those groups of the
// suite are left out here, and run in package mongo against a real server.
package ferrettest
