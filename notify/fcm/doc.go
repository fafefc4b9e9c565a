// Package fcm is the Firebase Cloud Messaging channel of package notify: it
// says to Firebase what a push is to each kind of device, and to notify what
// Firebase's errors mean.
//
// It sends one message a call, through the Firebase Admin SDK, and leaves
// trying again to the outbox, which knows how long a message is of use.
// Google's terms do not allow FCM as the only way to deliver a life-critical
// alert: whoever uses this package must offer another (the API's list of open
// alerts) and act on silence.
package fcm
