package roster

// NoticeKinds lists what notices can say.
func NoticeKinds() []NoticeKind {
	return []NoticeKind{
		NoticeApproved, NoticeRejected, NoticeSuspended, NoticeReinstated, NoticeRetired,
		NoticeTransferred, NoticeTransferRefused, NoticeJoined, NoticeJoinRefused,
	}
}
