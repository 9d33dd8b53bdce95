// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// As many events as wanted in one transaction.
contract Burst {
    event Transfer(address indexed from, address indexed to, uint256 value);

    function burst(uint256 count) external {
        for (uint256 i = 0; i < count; ++i) {
            emit Transfer(msg.sender, address(uint160(i + 1)), i);
        }
    }
}
