import pytest

from seatrial.lab.network import Block, NetworkError, Pool


def test_addresses_are_used_again_only_after_all_others() -> None:
    pool = Pool("127.99.0.0/29")
    taken = [pool.take() for _ in range(6)]
    assert taken == [f"127.99.0.{number}" for number in range(1, 7)]
    pool.release("127.99.0.2")
    pool.release("127.99.0.5")
    assert [pool.take(), pool.take()] == ["127.99.0.2", "127.99.0.5"]


def test_a_full_pool_says_so() -> None:
    pool = Pool("127.99.0.0/30")
    pool.take()
    pool.take()
    with pytest.raises(NetworkError, match="full"):
        pool.take()


@pytest.mark.parametrize("wanted", ["127.99.0.1", "10.0.0.1", "nonsense"])
def test_a_wanted_address_must_be_free_and_in_range(wanted: str) -> None:
    pool = Pool("127.99.0.0/24")
    pool.take("127.99.0.1")
    with pytest.raises(NetworkError, match=wanted):
        pool.take(wanted)


def test_two_labs_never_share_a_block() -> None:
    one, other = Block.claim(), Block.claim()
    try:
        assert one.number != other.number
    finally:
        one.release()
        other.release()


def test_the_ranges_of_a_block_do_not_overlap() -> None:
    block = Block.claim()
    try:
        last = block.pods(27).network
        assert last.broadcast_address < block.services.network.network_address
        assert not block.pods(0).network.overlaps(block.pods(1).network)
        with pytest.raises(NetworkError):
            block.pods(28)
    finally:
        block.release()
