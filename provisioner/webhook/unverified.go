package webhook

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
)

const (
	// mostUnverified bounds the memory of all bodies that are being received, in bytes.
	mostUnverified = 64 << 20
	// smallShare is the part of it that only small bodies may use, and the beginnings of others.
	smallShare = 16 << 20
	// smallBody is the size up to which a body is small: real deliveries have 8 to 20 KB.
	smallBody = 64 << 10
	// A body is read in pieces of these sizes.
	smallestPiece = 4 << 10
	largestPiece  = 64 << 10
)

// unverified counts the memory of bodies of which nobody knows yet who sent them: anybody can send
// many, large and slowly.
type unverified struct{ bytes atomic.Int64 }

var errNoRoom = errors.New("too many bytes of unverified bodies are in flight")

// read reads a body in pieces. A piece is never larger than all before it, so that what a sender
// announces costs no memory before it comes. declared is the announced size, -1 for unknown. The
// memory counts until free is called, which must be done in any case. The error is errNoRoom or the
// body's.
func (u *unverified) read(body io.Reader, declared int64) (pieces [][]byte, free func(), err error) {
	var size, held int64
	free = func() { u.bytes.Add(-held) }
	for {
		next := min(max(size, smallestPiece), largestPiece)
		if declared > size {
			next = min(next, declared-size)
		}
		most := int64(mostUnverified)
		if size+next > smallBody {
			most -= smallShare
		}
		held += next
		if u.bytes.Add(next) > most {
			return nil, free, errNoRoom
		}
		piece, err := fill(body, make([]byte, 0, next))
		pieces = append(pieces, piece)
		size += int64(len(piece))
		if errors.Is(err, io.EOF) {
			return pieces, free, nil
		}
		if err != nil {
			return nil, free, err
		}
	}
}

// fill reads until the buffer is full or the body fails. io.ReadFull would not tell a body that has
// ended from one that was cut off.
func fill(body io.Reader, b []byte) ([]byte, error) {
	for len(b) < cap(b) {
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

// join returns the pieces as one.
func join(pieces [][]byte) []byte {
	if len(pieces) == 1 {
		return pieces[0]
	}
	return bytes.Join(pieces, nil)
}
