namespace RocketMq.Protocol.Admin

open RocketMq.Protocol
open RocketMq

/// A user of a broker. Since 5.3. Source: UserInfo.java.
[<StructuredFormatDisplay("{Display}")>]
type UserInfo =
    {
        Name: string option
        Password: string option
        /// "Super" or "Normal".
        Type: string option
        /// "enable" or "disable".
        Status: string option
    }

    member private user.Display =
        let shown = Option.defaultValue "?"
        $"user {shown user.Name} ({shown user.Type}, {shown user.Status})"

    /// Secrets are not shown.
    override user.ToString() = user.Display

type UserChange = { Name: string; Info: UserInfo }

/// What a subject may do with one resource. Source: AclInfo.java, PolicyEntryInfo.
type PolicyEntry =
    {
        /// "Topic:name", "Group:prefix*", "Cluster:*" or "*".
        Resource: string
        /// Of All, Any, Pub, Sub, Create, Update, Delete, Get, List.
        Actions: string list
        /// Networks; none: from anywhere.
        SourceIps: string list option
        /// "Allow" or "Deny".
        Decision: string
    }

/// Source: AclInfo.java, PolicyInfo.
type Policy =
    {
        /// "Custom" or "Default".
        Type: string option
        Entries: PolicyEntry list
    }

/// Source: AclInfo.java.
type AclInfo =
    {
        /// "User:name".
        Subject: string option
        Policies: Policy list
    }

type AclChange = { Subject: string; Acl: AclInfo }

/// Source: DeleteAclRequestHeader.java.
type AclRemoval =
    {
        Subject: string
        PolicyType: string option
        Resource: string option
    }

/// Source: ListAclsRequestHeader.java.
type AclFilter =
    {
        SubjectFilter: string option
        ResourceFilter: string option
    }

/// Users and their rights, since 5.3. Failures are SystemError, or NoPermission if the one who asks may not.
/// Source: AdminBrokerProcessor.java.
module Users =
    let private info =
        object<UserInfo> {
            let! password = Member.optionalText "password" _.Password
            and! status = Member.optionalText "userStatus" _.Status
            and! userType = Member.optionalText "userType" _.Type
            and! name = Member.optionalText "username" _.Name

            return
                {
                    Name = name
                    Password = password
                    Type = userType
                    Status = status
                }
        }

    let private change =
        layout<UserChange> {
            let! name = Field.text "username" _.Name
            and! info = Body.json "user" info _.Info
            return { Name = name; Info = info }
        }

    /// AUTH_CREATE_USER (3001).
    let create = Operation(RequestCode.AuthCreateUser, change, Answers.nothing)

    /// AUTH_UPDATE_USER (3002).
    let update = Operation(RequestCode.AuthUpdateUser, change, Answers.nothing)

    /// AUTH_DELETE_USER (3003).
    let delete =
        Operation(RequestCode.AuthDeleteUser, Layout.text "username", Answers.nothing)

    /// AUTH_GET_USER (3004): `None` if there is no such user.
    let get =
        Operation(
            RequestCode.AuthGetUser,
            Layout.text "username",
            Answers.ok (Layout.single (Body.optionalJson "user" info id))
        )

    /// AUTH_LIST_USER (3005), those whose name holds a text.
    let list =
        Operation(
            RequestCode.AuthListUser,
            Layout.single (OptionalField.text "filter" id),
            Answers.ok (Layout.single (Body.optionalJson "users" (JsonCodec.list info) id))
        )

module Acls =
    let private entry =
        object<PolicyEntry> {
            let! actions = Member.list "actions" JsonCodec.text _.Actions
            and! decision = Member.text "decision" _.Decision
            and! resource = Member.text "resource" _.Resource

            and! sourceIps =
                Member.sometimes "sourceIps" (JsonCodec.list JsonCodec.text) _.SourceIps

            return
                {
                    Resource = resource
                    Actions = actions
                    SourceIps = sourceIps
                    Decision = decision
                }
        }

    let private policy =
        object<Policy> {
            let! entries = Member.list "entries" entry _.Entries
            and! policyType = Member.optionalText "policyType" _.Type
            return { Type = policyType; Entries = entries }
        }

    let private info =
        object<AclInfo> {
            let! policies = Member.list "policies" policy _.Policies
            and! subject = Member.optionalText "subject" _.Subject

            return
                {
                    Subject = subject
                    Policies = policies
                }
        }

    let private change =
        layout<AclChange> {
            let! subject = Field.text "subject" _.Subject
            and! info = Body.json "rights" info _.Acl
            return { Subject = subject; Acl = info }
        }

    /// AUTH_CREATE_ACL (3006).
    let create = Operation(RequestCode.AuthCreateAcl, change, Answers.nothing)

    /// AUTH_UPDATE_ACL (3007).
    let update = Operation(RequestCode.AuthUpdateAcl, change, Answers.nothing)

    /// AUTH_DELETE_ACL (3008).
    let delete =
        Operation(
            RequestCode.AuthDeleteAcl,
            layout<AclRemoval> {
                let! subject = Field.text "subject" _.Subject
                and! policyType = OptionalField.text "policyType" _.PolicyType
                and! resource = OptionalField.text "resource" _.Resource

                return
                    {
                        Subject = subject
                        PolicyType = policyType
                        Resource = resource
                    }
            },
            Answers.nothing
        )

    /// AUTH_GET_ACL (3009): `None` if the subject has no rights.
    let get =
        Operation(
            RequestCode.AuthGetAcl,
            Layout.text "subject",
            Answers.ok (Layout.single (Body.optionalJson "rights" info id))
        )

    /// AUTH_LIST_ACL (3010).
    let list =
        Operation(
            RequestCode.AuthListAcl,
            layout<AclFilter> {
                let! subject = OptionalField.text "subjectFilter" _.SubjectFilter
                and! resource = OptionalField.text "resourceFilter" _.ResourceFilter

                return
                    {
                        SubjectFilter = subject
                        ResourceFilter = resource
                    }
            },
            Answers.ok (Layout.single (Body.optionalJson "rights" (JsonCodec.list info) id))
        )
