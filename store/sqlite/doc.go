// Package sqlite is the embedded engine of package store: one process, one
// directory, nothing to install.
//
// Each collection is a table of BSON documents with a column for every indexed
// field, and each declared index is a real SQLite index over those columns.
// The database runs in WAL mode with full synchronisation. One goroutine
// writes: it runs what is waiting as one transaction, and acknowledges it when
// that is on the disk, so that many writers share one fsync. Reads outside a
// transaction have connections of their own and never wait for the writer.
//
// What a query means, and which index serves it, is decided in package store;
// what is kept in the documents is no business of this package.
package sqlite
