// Package storetest is the suite that every engine of package store must pass,
// and the database that the tests of other packages run on.
//
// Run holds an engine to what package store promises: one promise, one
// subtest, so that a difference between two engines is a failing test. What is
// true of one engine only, such as what it does in a crash, is tested beside
// that engine.
package storetest
