package hawser

import (
	"context"
	"sync"
)

// An inbox holds what has come and was not taken yet. When it is full, gate is shut; open again when it is down to half.
type inbox[T any] struct {
	limit int             // of size, above which the gate is shut
	gate  func(open bool) // called with the mutex held

	mutex sync.Mutex
	items []T // from first on
	first int
	size  func(T) int
	held  int // the sum of the sizes
	shut  bool
	end   error         // what comes after the last item
	news  chan struct{} // has room for one: there is an item, or the end
}

// Items for which an empty inbox keeps the room.
const maxKept = 1024

func newInbox[T any](limit int, size func(T) int, gate func(open bool)) inbox[T] {
	return inbox[T]{limit: limit, size: size, gate: gate, news: make(chan struct{}, 1)}
}

// False: it takes no more.
func (q *inbox[T]) put(item T) bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.end != nil {
		return false
	}
	if len(q.items) == cap(q.items) && q.first > len(q.items)/2 { // no sooner, or each item would move all the others
		q.items = append(q.items[:0], q.items[q.first:]...)
		q.first = 0
	}
	q.items = append(q.items, item)
	q.held += q.size(item)
	if q.held > q.limit && !q.shut {
		q.shut = true
		q.gate(false)
	}
	q.tell()
	return true
}

// What is there can still be taken.
func (q *inbox[T]) finish(err error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.end = err
	q.tell()
}

func (q *inbox[T]) tell() {
	select {
	case q.news <- struct{}{}:
	default:
	}
}

func (q *inbox[T]) take(ctx context.Context) (item T, err error) {
	if err = ctx.Err(); err != nil {
		return
	}
	for {
		if item, found, err := q.tryTake(); found || err != nil {
			return item, err
		}
		select {
		case <-q.news:
		case <-ctx.Done():
			return item, ctx.Err()
		}
	}
}

func (q *inbox[T]) tryTake() (item T, found bool, err error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.first == len(q.items) {
		if q.end != nil {
			q.tell() // the others who wait
		}
		return item, false, q.end
	}
	item, found = q.pop(), true
	if q.first < len(q.items) || q.end != nil {
		q.tell()
	}
	if q.shut && q.held <= q.limit/2 {
		q.shut = false
		q.gate(true)
	}
	return
}

func (q *inbox[T]) pop() T {
	var none T
	item := q.items[q.first]
	q.items[q.first] = none // for the garbage collector
	q.first++
	q.held -= q.size(item)
	if q.first == len(q.items) {
		q.items, q.first = q.items[:0], 0
		if cap(q.items) > maxKept {
			q.items = nil
		}
	}
	return item
}
