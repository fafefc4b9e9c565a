// Package demo shows Muster at work on made-up data: it seeds a roster, plays
// the phones of its responders, and plays one incident from the report to the
// end, through the public API like any client.
//
// The tree of org units is real; every person, phone number and position is
// synthetic, drawn with a fixed seed. Nothing here is used by a server that is
// not a demonstration, and nothing here decides anything about an incident.
package demo
