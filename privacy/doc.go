// Package privacy gives people what they may ask for by law: a copy of
// everything that is kept about their account, and its erasure; and it erases
// by itself what has been kept for long enough.
//
// It knows no other domain. Each package that keeps something about accounts
// offers a Part, and the server lists them; what is erased, what is kept
// without a name, and why, is decided there and written down in docs/privacy.md.
package privacy
