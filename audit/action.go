package audit

// What staff read of others.
const (
	ReadResponder Action = "READ_RESPONDER"
	ReadPresence  Action = "READ_PRESENCE"
	ReadNotes     Action = "READ_NOTES"
	ReadAccount   Action = "READ_ACCOUNT"
	ExportRoster  Action = "EXPORT_ROSTER"
)

// What staff change on the roster.
const (
	ApproveResponder   Action = "APPROVE_RESPONDER"
	RejectResponder    Action = "REJECT_RESPONDER"
	SuspendResponder   Action = "SUSPEND_RESPONDER"
	ReinstateResponder Action = "REINSTATE_RESPONDER"
	RetireResponder    Action = "RETIRE_RESPONDER"
	CorrectResponder   Action = "CORRECT_RESPONDER"
	ProposeTransfer    Action = "PROPOSE_TRANSFER"
	AcceptTransfer     Action = "ACCEPT_TRANSFER"
	RefuseTransfer     Action = "REFUSE_TRANSFER"
	CancelTransfer     Action = "CANCEL_TRANSFER"
	ProposeMembership  Action = "PROPOSE_MEMBERSHIP"
	AcceptMembership   Action = "ACCEPT_MEMBERSHIP"
	RefuseMembership   Action = "REFUSE_MEMBERSHIP"
	CancelMembership   Action = "CANCEL_MEMBERSHIP"
	EndMembership      Action = "END_MEMBERSHIP"
	AddNote            Action = "ADD_NOTE"
	ImportRoster       Action = "IMPORT_ROSTER"
)

// What administrators change in the tree.
const (
	CreateUnit  Action = "CREATE_UNIT"
	RenameUnit  Action = "RENAME_UNIT"
	MoveUnit    Action = "MOVE_UNIT"
	MergeUnit   Action = "MERGE_UNIT"
	CloseUnit   Action = "CLOSE_UNIT"
	LocateUnit  Action = "LOCATE_UNIT"
	SetBoundary Action = "SET_BOUNDARY"
)

// What administrators change about accounts.
const (
	GrantRole           Action = "GRANT_ROLE"
	RevokeRole          Action = "REVOKE_ROLE"
	SuspendAccount      Action = "SUSPEND_ACCOUNT"
	ReinstateAccount    Action = "REINSTATE_ACCOUNT"
	RequireSecondFactor Action = "REQUIRE_SECOND_FACTOR"
	ResetSecondFactor   Action = "RESET_SECOND_FACTOR"
	EraseAccount        Action = "ERASE_ACCOUNT"
)

// What staff do in incidents; the incident's timeline has more.
const (
	ReportIncident    Action = "REPORT_INCIDENT"
	StandDownDispatch Action = "STAND_DOWN_DISPATCH"
	CloseIncident     Action = "CLOSE_INCIDENT"
)

// Actions lists all actions.
func Actions() []Action {
	return []Action{
		ReadResponder, ReadPresence, ReadNotes, ReadAccount, ExportRoster,
		ApproveResponder, RejectResponder, SuspendResponder, ReinstateResponder, RetireResponder, CorrectResponder,
		ProposeTransfer, AcceptTransfer, RefuseTransfer, CancelTransfer,
		ProposeMembership, AcceptMembership, RefuseMembership, CancelMembership, EndMembership, AddNote, ImportRoster,
		CreateUnit, RenameUnit, MoveUnit, MergeUnit, CloseUnit, LocateUnit, SetBoundary,
		GrantRole, RevokeRole, SuspendAccount, ReinstateAccount, RequireSecondFactor, ResetSecondFactor, EraseAccount,
		ReportIncident, StandDownDispatch, CloseIncident,
	}
}
