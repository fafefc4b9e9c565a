package roster

// Notice is what an account is told about its place on the roster.
type Notice struct {
	AccountID string
	Kind      NoticeKind
	SubjectID string // what it is about: the responder
}

// NoticeKind is what a notice says.
type NoticeKind string

// The notices.
const (
	NoticeApproved        NoticeKind = "APPROVED"
	NoticeRejected        NoticeKind = "REJECTED"
	NoticeSuspended       NoticeKind = "SUSPENDED"
	NoticeReinstated      NoticeKind = "REINSTATED"
	NoticeRetired         NoticeKind = "RETIRED"
	NoticeTransferred     NoticeKind = "TRANSFERRED"
	NoticeTransferRefused NoticeKind = "TRANSFER_REFUSED"
	NoticeJoined          NoticeKind = "JOINED"
	NoticeJoinRefused     NoticeKind = "JOIN_REFUSED"
)

// NoticeKinds lists what notices can say.
func NoticeKinds() []NoticeKind {
	return []NoticeKind{
		NoticeApproved, NoticeRejected, NoticeSuspended, NoticeReinstated, NoticeRetired,
		NoticeTransferred, NoticeTransferRefused, NoticeJoined, NoticeJoinRefused,
	}
}
