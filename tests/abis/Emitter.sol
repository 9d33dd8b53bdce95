// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

/// Emits whatever log it is told to: any contract's events without the contract.
contract Emitter {
    struct Log {
        bytes32[] topics;
        bytes data;
    }

    function emitAll(Log[] calldata logs) external {
        for (uint256 i = 0; i < logs.length; ++i) {
            bytes32[] calldata t = logs[i].topics;
            bytes memory data = logs[i].data;
            assembly {
                let at := add(data, 32)
                let size := mload(data)
                let topic := t.offset
                switch t.length
                case 0 { log0(at, size) }
                case 1 { log1(at, size, calldataload(topic)) }
                case 2 { log2(at, size, calldataload(topic), calldataload(add(topic, 32))) }
                case 3 { log3(at, size, calldataload(topic), calldataload(add(topic, 32)), calldataload(add(topic, 64))) }
                default {
                    log4(at, size, calldataload(topic), calldataload(add(topic, 32)), calldataload(add(topic, 64)), calldataload(add(topic, 96)))
                }
            }
        }
    }
}
