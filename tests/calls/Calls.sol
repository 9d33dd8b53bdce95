// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

// Tokens as they really are, and worse, for contract calls.

contract Token {
    uint8 public decimals;
    string public symbol;
    uint256 public totalSupply;

    constructor(uint8 decimals_, string memory symbol_) {
        decimals = decimals_;
        symbol = symbol_;
    }

    function mint(uint256 amount) external {
        totalSupply += amount;
    }

    function reserves() external view returns (uint112 first, uint112 second) {
        return (uint112(totalSupply), uint112(totalSupply * 2));
    }
}

// From before the ABI had strings in getters, as MKR is.
contract OldToken {
    bytes32 public symbol = "MKR";
    uint8 public decimals = 18;
    uint256 public totalSupply = 7;

    function mint(uint256 amount) external {
        totalSupply += amount;
    }
}

// What it answers is a product of two slots; another stands where the others keep theirs.
contract Rebasing {
    uint256 shares = 40;
    uint256 index = 3;
    uint256 slot_two = 50;

    function rebase() external {
        index++;
    }

    function totalSupply() external view returns (uint256) {
        return shares * index;
    }
}

contract Bare {}

// Gives back as much as there is gas for.
contract Bomb {
    fallback() external {
        assembly {
            return(0, 400000)
        }
    }
}

// Never ends.
contract Burner {
    fallback() external {
        while (true) {}
    }
}

// Answers, but only where a call may use nearly all the gas of a block.
contract Heavy {
    function decimals() external view returns (uint8) {
        uint256 before = gasleft();
        while (before - gasleft() < 25500000) {}
        return 9;
    }

    function symbol() external pure returns (string memory) {
        return "HEAVY";
    }
}

contract Registry {
    event Added(address indexed token, uint256 id);
    event Seen(address indexed token, uint256 id);

    uint256 public count;

    function add(address token) external {
        emit Added(token, ++count);
    }

    function see(address[] calldata tokens) external {
        for (uint256 i = 0; i < tokens.length; i++) {
            emit Seen(tokens[i], ++count);
        }
    }
}
