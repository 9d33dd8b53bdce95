// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Getters of every shape that the state proof has to hash inside the node, and some that are not well-behaved. What
/// they return follows from the key by the formulas below, which the test repeats.
contract StateCases {
    struct Item {
        address owner;
        string name;
        int64 delta;
        bytes data;
        bool ok;
        bytes4 tag;
        uint256[] list;
    }

    struct Fixed {
        uint256 a;
        uint256[3] skipped;
        bytes32 b;
    }

    mapping(bytes4 => bool) public flags;
    mapping(bool => int128) public sides;
    mapping(string => uint256) public byName;
    mapping(bytes32 => mapping(string => uint64)) public byPair;
    mapping(int32 => int32) public mirrored;

    constructor() {
        for (uint32 i = 0; i < 40; i++) {
            flags[bytes4(i << 8)] = i % 3 == 0;
            mirrored[int32(i) - 20] = 20 - int32(i);
            byName[_text(i)] = i * 7;
            byPair[bytes32(uint256(i % 4))][_text(i)] = i;
        }
        sides[true] = -1;
        sides[false] = type(int128).max;
    }

    function _text(uint256 i) internal pure returns (string memory) {
        bytes memory out = new bytes(i * 3);
        for (uint256 j = 0; j < out.length; j++) out[j] = bytes1(uint8(97 + ((i + j) % 26)));
        return string(out);
    }

    /// A struct with strings: stands behind its offset.
    function item(uint256 id) external view returns (Item memory out) {
        out.owner = address(uint160(id * 1001));
        out.name = _text(id);
        out.delta = -int64(uint64(id));
        out.data = bytes(_text(id + 1));
        out.ok = id % 2 == 1;
        out.tag = bytes4(uint32(id));
        out.list = new uint256[](gasleft() % 5); // left out of the hash: must not matter
        out.list = new uint256[](id % 5);
    }

    /// A struct of fixed size: stands in place.
    function fixedItem(uint256 id) external view returns (Fixed memory out) {
        out.a = id;
        out.skipped[1] = gasleft(); // left out of the hash
        out.b = bytes32(id << 8);
    }

    function texts(int256 key) external pure returns (string memory a, uint64 b, bytes memory c, string memory d) {
        uint256 id = uint256(key < 0 ? -key : key);
        return (_text(id), uint64(id), "", _text(id + 2));
    }

    function mustExist(uint256 id) external pure returns (uint256) {
        require(id % 4 != 0, "missing");
        return id + 1;
    }

    /// Id 5 eats all the gas it is given.
    function hungry(uint256 id) external pure returns (uint256) {
        if (id == 5) {
            assembly {
                invalid()
            }
        }
        return id;
    }

    /// A string of `id` kilobytes.
    function long(uint256 id) external pure returns (string memory) {
        return string(new bytes(id * 1024));
    }

    /// Id 3 returns a megabyte; the others one word. Id 4 returns 31 bytes.
    function bomb(uint256 id) external pure returns (uint256) {
        assembly {
            mstore(0, id)
            if eq(id, 3) { return(0, 1000000) }
            if eq(id, 4) { return(0, 31) }
            return(0, 32)
        }
    }

    /// Costs about `gasUsed` for every key, the last ten times as much.
    function costly(uint256 id, uint256 gasUsed) external view returns (uint256) {
        uint256 start = gasleft();
        uint256 wanted = id % 100 == 99 ? 10 * gasUsed : gasUsed;
        while (start - gasleft() < wanted) {}
        return id;
    }
}

/// Ten thousand votes and as many items with dense ids.
contract StateLoad {
    struct Vote {
        uint8 option;
        uint128 weight;
        uint64 castAt;
        uint64 changedAt;
        uint32 changes;
    }

    struct Item {
        uint128 a;
        uint128 b;
        uint256 c;
        address owner;
    }

    mapping(uint256 question => mapping(address voter => Vote)) public votes; // slot 0
    mapping(uint256 id => Item) public items; // slot 1

    function voter(uint256 i) public pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode(i)))));
    }

    function fillVotes(uint256 from, uint256 to) external {
        for (uint256 i = from; i < to; i++) {
            votes[1 + i / 200][voter(i)] = Vote(uint8(i % 4), uint128(1e18 + i), uint64(1700000000 + i), 0, uint32(i % 3));
        }
    }

    function fillItems(uint256 from, uint256 to) external {
        for (uint256 i = from; i < to; i++) items[i] = Item(uint128(i), uint128(i * i), i << 100, voter(i));
    }
}

/// One of many contracts of one kind, as a factory makes them.
contract StateChild {
    uint256 public value;
    mapping(uint256 id => uint256) public numbers;

    constructor(uint256 value_) {
        value = value_;
        numbers[1] = value_ * 2;
    }
}

contract StateFactory {
    StateChild[] public children;

    constructor() {
        for (uint256 i = 0; i < 12; i++) children.push(new StateChild(i + 100));
    }
}

/// Storage of the shapes that `slots` name, each told by a getter.
contract StateSlots {
    struct Vote {
        uint8 option;
        uint128 weight;
        bool ok;
        uint256 since;
        uint256 until;
    }

    uint128 public low = 7; // slot 0, packed
    uint64 public high = 9;
    mapping(uint256 => uint256) public balances; // slot 1
    mapping(uint256 => uint256) public others; // slot 2: of half of the keys the same
    mapping(uint256 => mapping(uint256 => Vote)) public votes; // slot 3

    event Nothing(uint256 id);

    constructor() {
        for (uint256 i = 1; i <= 12; i++) {
            balances[i] = i * 1e18;
            if (i % 2 == 0) others[i] = i * 1e18;
            votes[i % 4][i] = Vote(uint8(i), uint128(i * 100), i % 3 == 0, 1000 + i, 2000 + i);
        }
    }

    function set(uint256 id, uint256 value) external {
        balances[id] = value;
    }
}
