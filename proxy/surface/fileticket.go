package surface

import (
	"bytes"
	"encoding/binary"
	"time"

	"patgate/token"
)

// FileTicket says that a file which the forge names by its UUID alone is a project's. It stands in the address that an answer
// gives such a file, and is of use only beside the token that it was made for, whose permissions are asked for anew.
type FileTicket struct {
	Project int64
	Folder  string // of routes.AttachmentFolders
	UUID    []byte
}

// SealFile makes the text of a ticket for a token. It holds for SealLife.
func (s *Seals) SealFile(t FileTicket, hash token.Hash, now time.Time) string {
	return s.Seal(SealFile, hash, now.Add(SealLife), string(t.plain()))
}

// IsFile tells whether a text is the ticket for the token.
func (s *Seals) IsFile(t FileTicket, hash token.Hash, text []byte, now time.Time) bool {
	sealed, ok := s.Open(SealFile, text, now)
	return ok && sealed.Hash == hash && bytes.Equal(sealed.Inner, t.plain())
}

// plain is what is sealed. The folder has no slash in it.
func (t FileTicket) plain() []byte {
	plain := binary.BigEndian.AppendUint64(nil, uint64(t.Project))
	return append(append(append(plain, t.Folder...), '/'), t.UUID...)
}
