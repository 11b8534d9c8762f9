import msgpack
import numpy as np
import pytest
from lerobot_policy_vlaq import arrays


def test_the_bytes_are_those_of_the_protocol():
    wanted = "81a7616374696f6e7384c40b5f5f6e6461727261795f5fc3c40464617461c4080000803f000000bfc4056474797065a33c6634c40573686170659102"
    assert arrays.encode({"actions": np.array([1, -0.5], dtype=np.float32)}).hex() == wanted
    back = arrays.decode(bytes.fromhex(wanted))["actions"]
    assert back.dtype == np.float32 and back.tolist() == [1, -0.5]
    back[0] = 2  # may be written to


@pytest.mark.parametrize("dtype", ["u1", "i8", "f2", "f4", "f8", "?", ">f4"])
def test_arrays_come_back(dtype):
    values = np.arange(6).reshape(2, 3).astype(dtype)
    back = arrays.decode(arrays.encode({"x": values}))["x"]
    assert back.dtype == values.dtype and (back == values).all()


def test_scalars_and_text_keys():
    assert arrays.decode(arrays.encode({"x": np.float32(1.5)}))["x"] == np.float32(1.5)
    text_keys = msgpack.packb({"__ndarray__": True, "data": b"\x07", "dtype": "|u1", "shape": [1]})
    assert arrays.decode(text_keys).tolist() == [7]


@pytest.mark.parametrize("values", [np.array([object()]), np.array([1j]), np.zeros(1, dtype="V4")])
def test_what_has_no_place_is_refused(values):
    with pytest.raises(ValueError):
        arrays.encode({"x": values})


@pytest.mark.parametrize("dtype, shape", [("|O", [1]), ("<c8", [1]), ("<f4", [2]), ("<f4", [-1]), ("nonsense", [1])])
def test_hostile_arrays_are_refused(dtype, shape):
    message = msgpack.packb({b"__ndarray__": True, b"data": b"\0\0\0\0", b"dtype": dtype, b"shape": shape})
    with pytest.raises((ValueError, TypeError)):
        arrays.decode(message)
