// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Logs with any number of topics, from none to four.
contract Events {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event Named(string indexed name, bytes data);
    event Four(address indexed who, uint256 indexed value, bytes32 indexed mark);
    event One(uint256 value);
    event Bare(uint256 value) anonymous;
    event Marked(address indexed who, address indexed other) anonymous;

    function transfer(address from, address to, uint256 value) external {
        emit Transfer(from, to, value);
    }

    function approve(address owner, address spender, uint256 value) external {
        emit Approval(owner, spender, value);
    }

    /// One log of each kind.
    function all(address who, address other, uint256 value) external {
        emit Transfer(who, other, value);
        emit Bare(value);
        emit Named("name", abi.encode(value));
        emit Four(who, value, bytes32(value));
        emit One(value);
        emit Marked(who, other);
        emit Approval(who, other, value);
    }
}

/// The same event with one indexed parameter more: the topic is the same.
contract Nft {
    event Transfer(address indexed from, address indexed to, uint256 indexed id);

    function transfer(address from, address to, uint256 id) external {
        emit Transfer(from, to, id);
    }
}
