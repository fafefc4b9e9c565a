// Package notify tells people things on their devices: it knows the devices,
// keeps what is to be said to each in a durable outbox, finds the words in the
// device's language and sends them through a channel.
//
// A message is written in the same atomic step as what causes it (Enqueue), so
// that neither exists without the other, and is sent by workers (Run) at least
// once: after a crash between sending and recording it goes out again, and the
// app recognises it by the alert's id in its data. What is still waiting is
// called back with Cancel. Errors of the channel decide what follows: see
// Reason.
//
// A push says "look", never more. Who is told, and when, is decided by the
// packages that call this one; texts are in package locale; the Firebase
// channel is package fcm.
package notify
