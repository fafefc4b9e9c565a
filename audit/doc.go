// Package audit keeps the audit log: who of the staff changed what and why, and
// who read whose personal data. It is written within the step that it tells of,
// or before the answer that it tells of, and can be read by staff of the scope,
// and by nobody changed.
//
// An entry has ids and no personal data, so that it can stay as it is when
// somebody's data is erased. What an action means, and who may do it, is for
// the packages to say that do it. A volunteer's own doings are not in it.
package audit
