// Package idtoken verifies the ID tokens of a Firebase project, by which
// somebody who proved a phone to Firebase signs in without a code of ours.
//
// What a verified phone opens is package auth's to say.
package idtoken
