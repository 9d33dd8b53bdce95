// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

/// A token's first version: ERC-20's shape of Transfer.
contract TokenOne {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Uri(string indexed uri);
    event Update(uint256 indexed assetId, address holder);

    function go(address from, address to, uint256 n) external {
        emit Transfer(from, to, n);
        emit Uri("one");
        emit Update(n, to);
    }
}

/// Its upgrade: ERC-721's shape, other names, and a name that was indexed and is not.
contract TokenTwo {
    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
    event Uri(string uri);
    event Update(uint256 indexed _assetId, address _holder);

    function go(address from, address to, uint256 n) external {
        emit Transfer(from, to, n);
        emit Uri("two");
        emit Update(n, to);
    }
}

/// A proxy whose code changes.
contract Proxy {
    address code;

    function upgrade(address to) external {
        code = to;
    }

    fallback() external {
        (bool ok, ) = code.delegatecall(msg.data);
        require(ok);
    }
}

contract Child {
    event Hit(uint256 n);

    constructor(uint256 n) {
        emit Hit(n);
    }

    function hit(uint256 n) external {
        emit Hit(n);
    }
}

/// Announces children in every way that there is.
contract Maker {
    struct Place {
        uint256 id;
        address child;
    }
    event Made(address child);
    event Adopted(uint256 id, Place place);
    event MadeMany(Place[] places, address[][] more);

    function make(uint256 n) external {
        Child child = new Child(n);
        emit Made(address(child));
        emit Adopted(n, Place(n, address(child)));
        child.hit(n + 1);
    }

    function many(uint256 n) external {
        Place[] memory places = new Place[](2);
        address[][] memory more = new address[][](2);
        more[0] = new address[](0);
        more[1] = new address[](1);
        for (uint256 i = 0; i < 2; i++) {
            places[i] = Place(i, address(new Child(n + i)));
        }
        more[1][0] = address(new Child(n + 2));
        emit MadeMany(places, more);
    }
}
