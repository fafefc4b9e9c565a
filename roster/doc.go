// Package roster knows who can be called out, and from where: the tree of org
// units, the responders on it, whether each is on duty, and where those on duty
// were last seen.
//
// A responder's place in the tree decides who may read it: the responder, and
// the staff whose scope covers its unit or one of its further teams. To everyone
// else it does not exist. Dispatchers of its own unit decide about it (status.go
// has the table of how it may stand), the receiving side agrees to a transfer or
// a membership, and nobody decides about oneself. What staff read and change is
// in the audit log, in the step that does it.
//
// Positions are kept only while a responder is on duty, and only the last one;
// a Tracker holds them in memory for those who look for somebody nearby, and
// only proposes: the documents decide.
//
// Staff search a directory of everybody that is held in memory (docs/adr/0007);
// spreadsheets come in through Imports (docs/adr/0008), and go out as Export writes
// them.
//
// What responders have learnt is package training's, and what they are called
// out to is package dispatch's.
package roster
