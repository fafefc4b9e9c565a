// Package fcmtest is Firebase Cloud Messaging's HTTP v1 API on loopback, for
// tests and demonstrations: there is no official emulator.
//
// It is as strict as the real service about credentials, the shape and size of
// messages and unknown tokens, answers errors in Google's form, and can be told
// to fail in the ways in which the real one does. It keeps no more than a
// bounded log of what it accepted, and delivers nothing; a simulated phone
// listens with OnAccept. It is not meant to face a network.
package fcmtest
