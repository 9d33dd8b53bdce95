// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// The contract of a small community app: people register, found communities, join, leave and are banned, ask
/// questions with options, vote with a weight, change their mind, and close the question with a result.
///
/// Everything it stores can be read through a getter and is also told by an event, so an index that was built from
/// the events alone can be compared with the contract, field by field. Getters never revert: of what does not exist
/// they return zeros.
contract CommunityHub {
    // ---- roles and states, stored and emitted as uint8 -------------------------------------------------------------

    uint8 public constant ROLE_MEMBER = 0;
    uint8 public constant ROLE_MODERATOR = 1;
    uint8 public constant ROLE_ADMIN = 2;

    uint8 public constant STATUS_OPEN = 0;
    uint8 public constant STATUS_CLOSED = 1;
    uint8 public constant STATUS_CANCELLED = 2;

    uint256 public constant MAX_OPTIONS = 8;
    uint256 public constant POINT = 1e18;

    bytes32 public constant REASON_QUESTION = "question";
    bytes32 public constant REASON_WINNER = "winner";
    bytes32 public constant REASON_BAN = "ban";

    // ---- what events carry -----------------------------------------------------------------------------------------

    struct Limits {
        uint64 maxMembers; // 0: no limit
        int64 minReputation; // to join
    }

    struct Policy {
        uint8 kind; // 0 public, 1 private, 2 council; the app's own business
        bytes32 rulesHash;
        Limits limits;
    }

    struct Tally {
        uint8 option;
        uint64 votes;
        uint128 weight;
        string text;
    }

    struct Result {
        uint8 winner;
        bool tie;
        uint128 winningWeight;
        Tally[] tallies;
    }

    // ---- storage ---------------------------------------------------------------------------------------------------

    struct User {
        string displayName;
        uint64 registeredAt; // 0: not registered
        int64 reputation;
        uint256 points;
        uint256 topAward;
        uint64 communities;
        uint64 questions;
        uint64 votes;
    }

    struct Community {
        address founder; // zero: does not exist
        address admin;
        string name;
        uint8 kind;
        bytes32 rulesHash;
        uint64 maxMembers;
        int64 minReputation;
        bool archived;
        uint64 createdAt;
    }

    struct CommunityStats {
        uint64 members;
        uint64 moderators;
        uint64 banned;
        uint64 questions;
        uint64 openQuestions;
        uint64 votes;
        uint256 points;
        uint256 topAward;
        uint64 announcements;
        bytes32 lastTopic;
    }

    struct Membership {
        bool exists;
        uint8 role;
        bool banned;
        uint64 joinedAt; // 0: banned without ever having joined
        uint64 votes; // cast since joining, the withdrawn ones too
        uint256 points;
    }

    struct Question {
        uint256 communityId;
        address author; // zero: does not exist
        string text;
        bytes32 bodyHash;
        uint64 deadline;
        uint64 openedAt;
        uint64 openedBlock;
        uint8 status;
        uint64 options;
    }

    struct QuestionResult {
        uint64 votes;
        uint128 weight;
        uint8 winner;
        bool tie;
        uint128 winningWeight;
        uint64 closedAt;
    }

    struct Option {
        string text;
        uint64 votes;
        uint128 weight;
    }

    struct Vote {
        uint8 option;
        uint128 weight; // 0: no vote
        uint64 castAt;
        uint64 changedAt;
        uint32 changes;
    }

    /// How many there are. Ids of communities and questions run from 1 to the count.
    uint256 public userCount;
    uint256 public communityCount;
    uint256 public questionCount;

    mapping(address user => User) public users;
    mapping(uint256 communityId => Community) public communities;
    mapping(uint256 communityId => CommunityStats) public communityStats;
    mapping(uint256 communityId => mapping(address user => Membership)) public memberships;
    mapping(uint256 questionId => Question) public questions;
    mapping(uint256 questionId => QuestionResult) public results;
    mapping(uint256 questionId => mapping(uint256 index => Option)) public options;
    mapping(uint256 questionId => mapping(address voter => Vote)) public votes;

    // ---- events ----------------------------------------------------------------------------------------------------

    event UserRegistered(address indexed user, string displayName);
    event ProfileUpdated(address indexed user, string displayName);
    event ReputationChanged(address indexed user, int64 delta, bytes32 indexed reason);

    event CommunityCreated(uint256 indexed communityId, address indexed founder, string name, Policy policy);
    event CommunityRenamed(uint256 indexed communityId, string indexed oldName, string newName);
    event CommunityArchived(uint256 indexed communityId, bool archived);
    event AdminTransferred(uint256 indexed communityId, address indexed oldAdmin, address indexed newAdmin);
    event Announced(uint256 indexed communityId, address indexed author, bytes32 indexed topic, bytes body);

    event MemberJoined(uint256 indexed communityId, address indexed user);
    event MemberLeft(uint256 indexed communityId, address indexed user, uint8 role);
    event MemberBanned(uint256 indexed communityId, address indexed user, bool wasMember, uint8 role, string reason);
    event MemberUnbanned(uint256 indexed communityId, address indexed user);
    event RoleChanged(uint256 indexed communityId, address indexed user, uint8 oldRole, uint8 newRole);
    event PointsAwarded(uint256 indexed communityId, address[] users, uint256[] amounts);

    event QuestionOpened(
        uint256 indexed questionId,
        uint256 indexed communityId,
        address indexed author,
        string text,
        bytes32 bodyHash,
        string[] options,
        uint64 deadline
    );
    event DeadlineCapped(uint256 indexed questionId, uint64 cap);
    event QuestionCancelled(uint256 indexed questionId, uint256 indexed communityId);
    event QuestionClosed(uint256 indexed questionId, uint256 indexed communityId, Result result);

    event VoteCast(uint256 indexed questionId, address indexed voter, uint8 option, uint128 weight, string comment);
    event VoteChanged(
        uint256 indexed questionId,
        address indexed voter,
        uint8 oldOption,
        uint8 newOption,
        uint128 oldWeight,
        uint128 newWeight
    );
    event VoteWithdrawn(uint256 indexed questionId, address indexed voter, uint8 option, uint128 weight);

    // ---- what goes wrong -------------------------------------------------------------------------------------------

    error NotRegistered(address user);
    error AlreadyRegistered(address user);
    error BadName();
    error NoSuchCommunity(uint256 communityId);
    error Archived(uint256 communityId);
    error Full(uint256 communityId);
    error ReputationTooLow(int64 has, int64 needs);
    error NotMember(uint256 communityId, address user);
    error AlreadyMember(uint256 communityId, address user);
    error Banned(uint256 communityId, address user);
    error NotBanned(uint256 communityId, address user);
    error NotAllowed(address user);
    error BadRole(uint8 role);
    error UnequalLengths(uint256 a, uint256 b);
    error NoSuchQuestion(uint256 questionId);
    error NotOpen(uint256 questionId);
    error TooEarly(uint64 deadline);
    error TooLate(uint64 deadline);
    error BadOptions(uint256 count);
    error NoVote(uint256 questionId, address voter);
    error AlreadyVoted(uint256 questionId, address voter);

    // ---- users -----------------------------------------------------------------------------------------------------

    function register(string calldata displayName) external {
        if (users[msg.sender].registeredAt != 0) revert AlreadyRegistered(msg.sender);
        if (bytes(displayName).length == 0) revert BadName();
        users[msg.sender].displayName = displayName;
        users[msg.sender].registeredAt = uint64(block.timestamp);
        userCount += 1;
        emit UserRegistered(msg.sender, displayName);
    }

    function updateProfile(string calldata displayName) external {
        _needUser(msg.sender);
        users[msg.sender].displayName = displayName;
        emit ProfileUpdated(msg.sender, displayName);
    }

    // ---- communities -----------------------------------------------------------------------------------------------

    function createCommunity(string calldata name, Policy calldata policy) external returns (uint256 id) {
        _needUser(msg.sender);
        if (bytes(name).length == 0) revert BadName();
        id = ++communityCount;
        Community storage c = communities[id];
        c.founder = msg.sender;
        c.admin = msg.sender;
        c.name = name;
        c.kind = policy.kind;
        c.rulesHash = policy.rulesHash;
        c.maxMembers = policy.limits.maxMembers;
        c.minReputation = policy.limits.minReputation;
        c.createdAt = uint64(block.timestamp);
        emit CommunityCreated(id, msg.sender, name, policy);

        _addMember(id, msg.sender);
        memberships[id][msg.sender].role = ROLE_ADMIN;
        emit RoleChanged(id, msg.sender, ROLE_MEMBER, ROLE_ADMIN);
    }

    function renameCommunity(uint256 id, string calldata name) external {
        _needAdmin(id);
        if (bytes(name).length == 0) revert BadName();
        emit CommunityRenamed(id, communities[id].name, name);
        communities[id].name = name;
    }

    function setArchived(uint256 id, bool archived) external {
        _needAdmin(id);
        communities[id].archived = archived;
        emit CommunityArchived(id, archived);
    }

    function transferAdmin(uint256 id, address to) external {
        _needAdmin(id);
        _needMember(id, to);
        if (to == msg.sender) revert NotAllowed(to);
        communities[id].admin = to;
        emit AdminTransferred(id, msg.sender, to);
        _setRole(id, msg.sender, ROLE_MODERATOR);
        _setRole(id, to, ROLE_ADMIN);
    }

    function announce(uint256 id, bytes32 topic, bytes calldata body) external {
        _needModerator(id);
        communityStats[id].announcements += 1;
        communityStats[id].lastTopic = topic;
        emit Announced(id, msg.sender, topic, body);
    }

    // ---- memberships -----------------------------------------------------------------------------------------------

    function joinCommunity(uint256 id) external {
        _needUser(msg.sender);
        _needActive(id);
        Membership storage m = memberships[id][msg.sender];
        if (m.banned) revert Banned(id, msg.sender);
        if (m.exists) revert AlreadyMember(id, msg.sender);
        Community storage c = communities[id];
        if (c.maxMembers != 0 && communityStats[id].members >= c.maxMembers) revert Full(id);
        if (users[msg.sender].reputation < c.minReputation) {
            revert ReputationTooLow(users[msg.sender].reputation, c.minReputation);
        }
        _addMember(id, msg.sender);
    }

    function leaveCommunity(uint256 id) external {
        _needMember(id, msg.sender);
        uint8 role = memberships[id][msg.sender].role;
        if (role == ROLE_ADMIN) revert NotAllowed(msg.sender);
        if (role == ROLE_MODERATOR) communityStats[id].moderators -= 1;
        communityStats[id].members -= 1;
        users[msg.sender].communities -= 1;
        delete memberships[id][msg.sender];
        emit MemberLeft(id, msg.sender, role);
    }

    /// A moderator bans members, and also people who have not joined yet.
    function ban(uint256 id, address user, string calldata reason) external {
        _needModerator(id);
        _needUser(user);
        Membership storage m = memberships[id][user];
        if (m.banned) revert Banned(id, user);
        if (m.role == ROLE_ADMIN) revert NotAllowed(user);
        bool wasMember = m.exists;
        uint8 role = m.role;
        if (role == ROLE_MODERATOR) communityStats[id].moderators -= 1;
        if (wasMember) {
            communityStats[id].members -= 1;
            users[user].communities -= 1;
        }
        communityStats[id].banned += 1;
        m.exists = true;
        m.banned = true;
        m.role = ROLE_MEMBER;
        emit MemberBanned(id, user, wasMember, role, reason);
        _changeReputation(user, -20, REASON_BAN);
    }

    /// The row is gone afterwards: who was banned starts anew.
    function unban(uint256 id, address user) external {
        _needModerator(id);
        if (!memberships[id][user].banned) revert NotBanned(id, user);
        communityStats[id].banned -= 1;
        delete memberships[id][user];
        emit MemberUnbanned(id, user);
    }

    function setRole(uint256 id, address user, uint8 role) external {
        _needAdmin(id);
        _needMember(id, user);
        if (role > ROLE_MODERATOR) revert BadRole(role);
        if (user == msg.sender) revert NotAllowed(user);
        _setRole(id, user, role);
    }

    /// One user may be named more than once.
    function award(uint256 id, address[] calldata to, uint256[] calldata amounts) external {
        _needModerator(id);
        if (to.length != amounts.length) revert UnequalLengths(to.length, amounts.length);
        for (uint256 i = 0; i < to.length; i++) {
            _needMember(id, to[i]);
            users[to[i]].points += amounts[i];
            memberships[id][to[i]].points += amounts[i];
            communityStats[id].points += amounts[i];
            if (amounts[i] > users[to[i]].topAward) users[to[i]].topAward = amounts[i];
            if (amounts[i] > communityStats[id].topAward) communityStats[id].topAward = amounts[i];
        }
        emit PointsAwarded(id, to, amounts);
    }

    // ---- questions -------------------------------------------------------------------------------------------------

    function ask(uint256 communityId, string calldata text, bytes32 bodyHash, string[] calldata texts, uint64 deadline)
        external
        returns (uint256 id)
    {
        _needActive(communityId);
        _needMember(communityId, msg.sender);
        if (texts.length < 2 || texts.length > MAX_OPTIONS) revert BadOptions(texts.length);
        if (deadline <= block.timestamp) revert TooLate(deadline);
        id = ++questionCount;
        Question storage q = questions[id];
        q.communityId = communityId;
        q.author = msg.sender;
        q.text = text;
        q.bodyHash = bodyHash;
        q.deadline = deadline;
        q.openedAt = uint64(block.timestamp);
        q.openedBlock = uint64(block.number);
        q.options = uint64(texts.length);
        for (uint256 i = 0; i < texts.length; i++) {
            options[id][i].text = texts[i];
        }
        communityStats[communityId].questions += 1;
        communityStats[communityId].openQuestions += 1;
        users[msg.sender].questions += 1;
        emit QuestionOpened(id, communityId, msg.sender, text, bodyHash, texts, deadline);
        _changeReputation(msg.sender, 2, REASON_QUESTION);
    }

    /// Brings the deadline forward, never back: the earlier of the two holds.
    function capDeadline(uint256 id, uint64 cap) external {
        _needOpen(id);
        if (questions[id].author != msg.sender) revert NotAllowed(msg.sender);
        if (cap < questions[id].deadline) questions[id].deadline = cap;
        emit DeadlineCapped(id, cap);
    }

    function cancel(uint256 id) external {
        _needOpen(id);
        Question storage q = questions[id];
        if (q.author != msg.sender) revert NotAllowed(msg.sender);
        q.status = STATUS_CANCELLED;
        results[id].closedAt = uint64(block.timestamp);
        communityStats[q.communityId].openQuestions -= 1;
        emit QuestionCancelled(id, q.communityId);
    }

    /// Anybody may close a question after its deadline. The lowest option wins a tie.
    function close(uint256 id) external {
        _needOpen(id);
        Question storage q = questions[id];
        if (block.timestamp <= q.deadline) revert TooEarly(q.deadline);
        Result memory result;
        result.tallies = new Tally[](q.options);
        for (uint8 i = 0; i < q.options; i++) {
            Option storage o = options[id][i];
            result.tallies[i] = Tally(i, o.votes, o.weight, o.text);
            if (o.weight > result.winningWeight) {
                result.winner = i;
                result.winningWeight = o.weight;
                result.tie = false;
            } else if (o.weight == result.winningWeight) {
                result.tie = i != 0;
            }
        }
        q.status = STATUS_CLOSED;
        QuestionResult storage r = results[id];
        r.winner = result.winner;
        r.tie = result.tie;
        r.winningWeight = result.winningWeight;
        r.closedAt = uint64(block.timestamp);
        communityStats[q.communityId].openQuestions -= 1;
        emit QuestionClosed(id, q.communityId, result);
        if (!result.tie) _changeReputation(q.author, 10, REASON_WINNER);
    }

    // ---- votes -----------------------------------------------------------------------------------------------------

    /// What a vote of this user weighs now: their role and the points they earned in the community.
    function weightOf(uint256 communityId, address user) public view returns (uint128) {
        Membership storage m = memberships[communityId][user];
        return uint128(POINT * (1 + uint256(m.role)) + m.points / 10);
    }

    function castVote(uint256 id, uint8 option, string calldata comment) external {
        uint256 communityId = _needVoter(id, option);
        if (votes[id][msg.sender].weight != 0) revert AlreadyVoted(id, msg.sender);
        uint128 weight = weightOf(communityId, msg.sender);
        votes[id][msg.sender] = Vote(option, weight, uint64(block.timestamp), 0, 0);
        options[id][option].votes += 1;
        options[id][option].weight += weight;
        results[id].votes += 1;
        results[id].weight += weight;
        communityStats[communityId].votes += 1;
        memberships[communityId][msg.sender].votes += 1;
        users[msg.sender].votes += 1;
        emit VoteCast(id, msg.sender, option, weight, comment);
    }

    /// The weight is taken anew, so a change to the same option is not idle.
    function changeVote(uint256 id, uint8 option) external {
        uint256 communityId = _needVoter(id, option);
        Vote storage v = votes[id][msg.sender];
        if (v.weight == 0) revert NoVote(id, msg.sender);
        uint8 oldOption = v.option;
        uint128 oldWeight = v.weight;
        uint128 weight = weightOf(communityId, msg.sender);
        options[id][oldOption].votes -= 1;
        options[id][oldOption].weight -= oldWeight;
        options[id][option].votes += 1;
        options[id][option].weight += weight;
        results[id].weight = results[id].weight + weight - oldWeight;
        v.option = option;
        v.weight = weight;
        v.changedAt = uint64(block.timestamp);
        v.changes += 1;
        emit VoteChanged(id, msg.sender, oldOption, option, oldWeight, weight);
    }

    /// Also open to those who left or were banned, as long as the question is.
    function withdrawVote(uint256 id) external {
        _needOpen(id);
        Vote memory v = votes[id][msg.sender];
        if (v.weight == 0) revert NoVote(id, msg.sender);
        if (block.timestamp > questions[id].deadline) revert TooLate(questions[id].deadline);
        options[id][v.option].votes -= 1;
        options[id][v.option].weight -= v.weight;
        results[id].votes -= 1;
        results[id].weight -= v.weight;
        communityStats[questions[id].communityId].votes -= 1;
        delete votes[id][msg.sender];
        emit VoteWithdrawn(id, msg.sender, v.option, v.weight);
    }

    // ---- the rules -------------------------------------------------------------------------------------------------

    function _needUser(address user) private view {
        if (users[user].registeredAt == 0) revert NotRegistered(user);
    }

    function _needActive(uint256 id) private view {
        if (communities[id].founder == address(0)) revert NoSuchCommunity(id);
        if (communities[id].archived) revert Archived(id);
    }

    function _needMember(uint256 id, address user) private view {
        if (!memberships[id][user].exists) revert NotMember(id, user);
        if (memberships[id][user].banned) revert Banned(id, user);
    }

    function _needModerator(uint256 id) private view {
        _needMember(id, msg.sender);
        if (memberships[id][msg.sender].role < ROLE_MODERATOR) revert NotAllowed(msg.sender);
    }

    function _needAdmin(uint256 id) private view {
        if (communities[id].founder == address(0)) revert NoSuchCommunity(id);
        if (communities[id].admin != msg.sender) revert NotAllowed(msg.sender);
    }

    function _needOpen(uint256 id) private view {
        if (questions[id].author == address(0)) revert NoSuchQuestion(id);
        if (questions[id].status != STATUS_OPEN) revert NotOpen(id);
    }

    function _needVoter(uint256 id, uint8 option) private view returns (uint256 communityId) {
        _needOpen(id);
        Question storage q = questions[id];
        if (block.timestamp > q.deadline) revert TooLate(q.deadline);
        if (option >= q.options) revert BadOptions(option);
        communityId = q.communityId;
        _needMember(communityId, msg.sender);
    }

    function _addMember(uint256 id, address user) private {
        memberships[id][user].exists = true;
        memberships[id][user].joinedAt = uint64(block.timestamp);
        communityStats[id].members += 1;
        users[user].communities += 1;
        emit MemberJoined(id, user);
    }

    function _setRole(uint256 id, address user, uint8 role) private {
        uint8 old = memberships[id][user].role;
        if (old == ROLE_MODERATOR) communityStats[id].moderators -= 1;
        if (role == ROLE_MODERATOR) communityStats[id].moderators += 1;
        memberships[id][user].role = role;
        emit RoleChanged(id, user, old, role);
    }

    function _changeReputation(address user, int64 delta, bytes32 reason) private {
        users[user].reputation += delta;
        emit ReputationChanged(user, delta, reason);
    }
}
